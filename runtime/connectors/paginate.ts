import { z } from 'zod'
import { type ErrorBody, invalidInput, toAppError, toErrorBody } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Pagination } from './action-definition.ts'
import { endsList, FIRST_PAGE, inputAt, type PageAnswer, type PagePlace, readPage } from './next-page.ts'

/** How one page is asked for. */
export interface PageCall {
  input: JsonObject
  page: { url?: string; later: boolean }
}

export interface Page<A extends PageAnswer = PageAnswer> {
  items: Json[]
  place: PagePlace
  /** Null: there is no page after this one, or none that can be read. */
  next: PagePlace | null
  /** Why the list cannot be read on although it may not be at its end. */
  stopped?: string
  /** Undefined where the app ended the list with an error (see `endsList`). */
  answer: A | undefined
}

export interface PageLimits {
  maxPages: number
  /** Where to begin; the first page when left out. */
  from?: PagePlace | undefined
}

/**
 * The pages of a list, one after the other, each asked for when the one before was taken. It ends at the list's
 * end, at `maxPages`, or where the app sends it in circles.
 * @param call makes the call; its errors end the iteration
 */
export async function* pagesOf<A extends PageAnswer>(
  pagination: Pagination,
  input: JsonObject,
  call: (request: PageCall) => Promise<A>,
  limits: PageLimits,
): AsyncGenerator<Page<A>> {
  const seen = new Set<string>()
  let place: PagePlace | null = limits.from ?? FIRST_PAGE
  for (let count = 0; place !== null && count < limits.maxPages; count += 1) {
    seen.add(keyOf(place))
    const page: Page<A> = await pageAt(pagination, input, call, place)
    const circles = page.next !== null && seen.has(keyOf(page.next))
    yield circles
      ? { ...page, next: null, stopped: 'The app led back to a page that was read already.' }
      : page
    place = circles ? null : page.next
  }
}

/** Reads the page at a place. */
export async function pageAt<A extends PageAnswer>(
  pagination: Pagination,
  input: JsonObject,
  call: (request: PageCall) => Promise<A>,
  place: PagePlace,
): Promise<Page<A>> {
  let answer: A
  try {
    answer = await call({
      input: inputAt(pagination, input, place),
      page: { later: place.pages > 0, ...(place.url === undefined ? {} : { url: place.url }) },
    })
  } catch (cause) {
    if (!endsList(pagination, place, toAppError(cause))) throw cause
    return { items: [], place, next: null, answer: undefined }
  }
  return { ...readPage(pagination, input, place, answer), place, answer }
}

const keyOf = ({ value, url, pages }: PagePlace): string =>
  url ?? (value === undefined ? `first ${pages}` : JSON.stringify(value))

/** Items of a list, gathered within bounds. */
export interface Collected {
  items: Json[]
  /** Pages read. */
  pages: number
  /** Is this the whole list (from where it was begun)? */
  complete: boolean
  /** Where to go on; null at the end, and where the list cannot be read on. */
  next: PagePlace | null
  /** Why it is not complete; null when it is. */
  stopped: { reason: 'limit' | 'circle' | 'error'; message: string; error?: ErrorBody } | null
}

export interface CollectLimits extends PageLimits {
  maxItems: number
  /** Bound on the items as JSON. An item alone above it is replaced by a note. */
  maxBytes: number
  /** Time after which no further page is begun. */
  maxMs?: number | undefined
}

const NOTE_CHARS = 64 * 1024

/**
 * Gathers the items of a list. When a later page fails, what was got is kept, and `next` is the page that failed.
 * @throws AppError when the first page fails
 */
export async function collectPages<A extends PageAnswer>(
  pagination: Pagination,
  input: JsonObject,
  call: (request: PageCall) => Promise<A>,
  limits: CollectLimits,
): Promise<Collected & { last: A | undefined }> {
  const items: Json[] = []
  const startedAt = performance.now()
  let bytes = 2
  let pages = 0
  let next: PagePlace | null = limits.from ?? FIRST_PAGE
  let last: A | undefined
  const so = (stopped: Collected['stopped']) => ({
    items,
    pages,
    complete: stopped === null,
    next,
    stopped,
    last,
  })
  const over = (what: string) => so({ reason: 'limit' as const, message: `${what}: go on from \`next\`.` })
  try {
    for await (const page of pagesOf(pagination, input, call, limits)) {
      pages += 1
      last = page.answer ?? last
      for (const [index, item] of page.items.entries()) {
        const size = Buffer.byteLength(JSON.stringify(item)) + 1
        const fits = bytes + size <= limits.maxBytes
        if (items.length >= limits.maxItems || (!fits && items.length > 0)) {
          next = { ...page.place, skip: (page.place.skip ?? 0) + index }
          return over(
            fits ? `${limits.maxItems} items were asked for` : 'The items have the size there is room for',
          )
        }
        items.push(fits ? item : noteOf(item, size))
        bytes += Math.min(size, NOTE_CHARS)
      }
      next = page.next
      if (next !== null && performance.now() - startedAt >= (limits.maxMs ?? Number.POSITIVE_INFINITY)) {
        return over('The time for one call is over')
      }
      if (page.stopped !== undefined) return so({ reason: 'circle', message: page.stopped })
    }
  } catch (cause) {
    if (pages === 0) throw cause
    const error = toAppError(cause)
    return so({
      reason: 'error',
      message: `Page ${pages + 1} failed: ${error.message}`,
      error: toErrorBody(error),
    })
  }
  return next === null ? so(null) : over(`${limits.maxPages} pages were read`)
}

const noteOf = (item: Json, bytes: number): Json => ({
  truncated: true,
  bytes,
  beginning: JSON.stringify(item).slice(0, NOTE_CHARS / 2),
})

const Place = z.strictObject({
  pages: z.number().int().min(0),
  value: z.json().optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  last: z.string().max(64).optional(),
  longest: z.number().int().optional(),
  short: z.boolean().optional(),
  empty: z.number().int().optional(),
  skip: z.number().int().min(0).optional(),
})

/** A place as text. It is sealed before it is handed out: see runtime/connections/paging.ts. */
export const toToken = (place: PagePlace): string => Buffer.from(JSON.stringify(place)).toString('base64url')

/** @throws AppError `invalid_input` for a text that {@link toToken} did not make */
export function fromToken(token: string): PagePlace {
  try {
    return Place.parse(JSON.parse(Buffer.from(token, 'base64url').toString())) as PagePlace
  } catch (cause) {
    throw noToken(cause)
  }
}

/** Refuses a `next` that was not handed out for this list. */
export const noToken = (cause: unknown) =>
  invalidInput('This is no `next` of an earlier answer.', {
    where: 'next',
    hint: 'Pass `next` back as it came, with the same action, account and input; leave it out to begin anew.',
    cause,
  })
