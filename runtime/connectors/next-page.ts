import { createHash } from 'node:crypto'
import LinkHeader from 'http-link-header'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'
import type { Pagination } from './action-definition.ts'

/** Where in a list a page is: plain JSON, so that reading can go on later, and elsewhere. */
export interface PagePlace {
  /** Pages read before it. */
  pages: number
  /** The page number, offset or cursor to send; absent on the first page. */
  value?: Json
  /** The address to call, where the app gives addresses. */
  url?: string
  /** Digest of the page before, to notice an app that ignores which page is asked for. */
  last?: string
  /** Items on the longest page so far. */
  longest?: number
  /** Was the page before shorter than one before it, or than was asked for? */
  short?: boolean
  /** Empty pages in a row. */
  empty?: number
  /** Items of this page that were taken already. */
  skip?: number
}

export interface PageAnswer {
  output: Json
  headers: Record<string, string>
  /** The address that answered, which relative ones are relative to. */
  url: string
  /** There is no such page, nor one after it. */
  endOfList?: boolean
}

export interface PageRead {
  items: Json[]
  /** Null: the list ends here, or cannot be read on. */
  next: PagePlace | null
  /** Why the list cannot be read on although it may not be at its end. */
  stopped?: string
}

export const FIRST_PAGE: PagePlace = { pages: 0 }

/** Pages without an item that may follow each other: filters of the app can empty some. */
const MAX_EMPTY_PAGES = 20
const MAX_LINK_HEADER_CHARS = 16 * 1024

/** The input that asks for the page at a place. */
export function inputAt(pagination: Pagination, input: JsonObject, place: PagePlace): JsonObject {
  if (pagination.type === 'link' || place.value === undefined) return input
  return { ...input, [pagination.parameter]: place.value }
}

/**
 * The items of a page, and where the next one is.
 * @param input what the first page was asked with
 * @throws AppError `upstream_error` when the answer has no list where the definition says
 */
export function readPage(
  pagination: Pagination,
  input: JsonObject,
  place: PagePlace,
  answer: PageAnswer,
): PageRead {
  if (answer.endOfList === true) return { items: [], next: null }
  const all = itemsIn(pagination, answer.output)
  const items = place.skip === undefined ? all : all.slice(place.skip)
  const empty = all.length === 0 ? (place.empty ?? 0) + 1 : 0
  if (empty > MAX_EMPTY_PAGES) {
    return { items, next: null, stopped: `${empty} pages in a row were empty.` }
  }
  const on: PagePlace = { pages: place.pages + 1, ...(empty === 0 ? {} : { empty }) }
  switch (pagination.type) {
    case 'cursor':
      return afterCursor(pagination, place, on, items, answer.output)
    case 'link':
      return afterLink(pagination, place, on, items, answer)
    case 'page':
    case 'offset': {
      const digest = digestOf(all)
      if (digest === place.last && all.some((item) => typeof item === 'object')) {
        // The second copy is no news, unless a part of the first was left for later.
        const again =
          'the app answered the same page again; it may not know the parameter that names the page.'
        return { items: [], next: null, stopped: `After page ${place.pages} ${again}` }
      }
      return afterNumber(pagination, input, place, { ...on, last: digest }, items, all.length, answer.output)
    }
  }
}

/** Is this failure of a later page only how the app says that the list is at its end? */
export function endsList(pagination: Pagination, place: PagePlace, error: AppError): boolean {
  const numbered = pagination.type === 'page' || pagination.type === 'offset'
  const { status } = error.data ?? {}
  return numbered && place.pages > 0 && place.short === true && (status === 404 || status === 416)
}

type Numbered = Extract<Pagination, { type: 'page' | 'offset' }>
type Cursored = Extract<Pagination, { type: 'cursor' }>
type Linked = Extract<Pagination, { type: 'link' }>

function afterNumber(
  pagination: Numbered,
  input: JsonObject,
  place: PagePlace,
  on: PagePlace,
  items: Json[],
  count: number,
  output: Json,
): PageRead {
  const more = saysMore(pagination.hasMore, output)
  const asked = numberOf(pagination.sizeParameter === undefined ? undefined : input[pagination.sizeParameter])
  const longest = Math.max(place.longest ?? 0, count)
  if (more === false) return { items, next: null }
  if (more === undefined) {
    if (count === 0) return { items, next: null }
    // A short page is the last one where the app gives pages as long as asked. It may give shorter ones than
    // that, so a short first page proves nothing: the next one tells.
    if (asked !== undefined && (place.longest ?? 0) >= asked && count < asked) return { items, next: null }
  }
  if (pagination.type === 'offset' && count === 0) {
    return { items, next: null, stopped: 'The app says there is more, and gives none.' }
  }
  const start = pagination.type === 'page' ? (pagination.firstPage ?? 1) : 0
  const here = numberOf(place.value ?? input[pagination.parameter]) ?? start
  return {
    items,
    next: {
      ...on,
      value: here + (pagination.type === 'page' ? 1 : count),
      longest,
      ...(count < Math.max(longest, asked ?? 0) || asked === undefined ? { short: true } : {}),
    },
  }
}

function afterCursor(
  pagination: Cursored,
  place: PagePlace,
  on: PagePlace,
  items: Json[],
  output: Json,
): PageRead {
  const more = saysMore(pagination.hasMore, output)
  const cursor = valueAt(output, pagination.next)
  if (more === false) return { items, next: null }
  if (isNoCursor(cursor)) {
    return more === true
      ? {
          items,
          next: null,
          stopped: `The app says there is more, and gives no cursor at '${pagination.next}'.`,
        }
      : { items, next: null }
  }
  if (place.value !== undefined && JSON.stringify(cursor) === JSON.stringify(place.value)) {
    return { items, next: null, stopped: 'The app gave the cursor of the same page again.' }
  }
  return { items, next: { ...on, value: cursor } }
}

function afterLink(
  pagination: Linked,
  place: PagePlace,
  on: PagePlace,
  items: Json[],
  answer: PageAnswer,
): PageRead {
  const given =
    pagination.next === undefined ? nextLink(answer.headers.link) : valueAt(answer.output, pagination.next)
  if (given === undefined || given === null || given === '' || given === false) return { items, next: null }
  const url = typeof given === 'string' ? URL.parse(given, answer.url)?.href : undefined
  if (url === undefined) {
    return { items, next: null, stopped: `What the app gives as the next page is no address.` }
  }
  if (url === place.url || url === answer.url) {
    return { items, next: null, stopped: 'The app gave the address of the same page again.' }
  }
  return { items, next: { ...on, url } }
}

/** The target of the first `rel="next"` of a Link header (RFC 8288). */
export function nextLink(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_LINK_HEADER_CHARS) return undefined
  try {
    return LinkHeader.parse(header).rel('next')[0]?.uri
  } catch {
    // Not well formed: there is no next page that could be trusted.
    return undefined
  }
}

function itemsIn(pagination: Pagination, output: Json): Json[] {
  const found = valueAt(output, pagination.items)
  if (Array.isArray(found)) return found
  // Many APIs leave an empty list out.
  if ((found === undefined && isJsonObject(output)) || found === null) return []
  const where = pagination.items === '' ? 'The answer' : `'${pagination.items}' in the answer`
  throw new AppError('upstream_error', `${where} is no list.`, {
    where: 'action.pagination.items',
    retryable: false,
    hint: 'Correct the action’s pagination: items is the dot path to the list in the response. Run the action without collect to see one.',
  })
}

function saysMore(path: string | undefined, output: Json): boolean | undefined {
  const value = path === undefined ? undefined : valueAt(output, path)
  if (value === undefined || value === null) return undefined
  return value === true || value === 'true' || value === 1
}

/** How APIs say that there is no next page; 0 is what Twitter's and Redis-like cursors end with. */
const isNoCursor = (cursor: Json | undefined): cursor is undefined | null | false | '' | 0 | '0' =>
  cursor === undefined ||
  cursor === null ||
  cursor === '' ||
  cursor === false ||
  cursor === 0 ||
  cursor === '0'

function numberOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

const digestOf = (items: Json[]): string =>
  createHash('sha256').update(JSON.stringify(items)).digest('base64url').slice(0, 22)
