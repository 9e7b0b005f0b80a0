import { AppError, toAppError } from '../../core/errors.ts'
import { absolute } from '../connectors/discovery/lead.ts'
import { defaultDiscoveryLimits } from '../connectors/discovery/limits.ts'
import { buildPoliteClient } from '../connectors/discovery/polite-client.ts'
import type { HttpClient } from '../http/client.ts'
import type { DocDocument } from './document.ts'
import { looksLikeDescription } from './looks-like-description.ts'
import { type PageRead, readApart } from './read-apart.ts'

export interface Crawled {
  documents: DocDocument[]
  /** An API description in place of a page: its text, for the reader of those. */
  description: string | undefined
  /** What was not read, and why; the first of them. */
  left: { url: string; reason: string }[]
}

const MAX_MS = 3 * 60_000
const MAX_PAGE_BYTES = 4 * 1024 * 1024
const MAX_DESCRIPTION_BYTES = 32 * 1024 * 1024
const MAX_LEFT = 20
const NO_PAGE = /\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|map|zip|gz|pdf|woff2?|ttf|mp4|xml|rss|atom)$/i

/**
 * Reads a page and, up to `maxPages`, those it leads to in the same folder of the same origin, as a robot that keeps
 * to robots.txt. Pages may be HTML or Markdown.
 * @throws AppError `upstream_error` when the first page cannot be read
 */
export async function crawlDocs(
  start: string,
  options: {
    http: HttpClient
    userAgent: string
    maxPages: number
    signal: AbortSignal
    progress?: (read: number) => void
  },
): Promise<Crawled> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(MAX_MS)])
  const limits = { ...defaultDiscoveryLimits, maxRequests: options.maxPages * 2 + 20 }
  const client = buildPoliteClient({ http: options.http, userAgent: options.userAgent, limits, signal })
  const within = scopeOf(start)
  const known = new Set([pageOf(start)])
  const open = [pageOf(start)]
  const crawled: Crawled = { documents: [], description: undefined, left: [] }
  const leave = (url: string, reason: string) => {
    if (crawled.left.length < MAX_LEFT) crawled.left.push({ url, reason })
  }

  for (let url = open.shift(); url !== undefined; url = open.shift()) {
    options.signal.throwIfAborted()
    const isFirst = known.size === 1
    if (crawled.documents.length >= options.maxPages) {
      leave(url, `the limit of ${options.maxPages} pages is reached (${open.length + 1} pages are left)`)
      break
    }
    const answer = await client.get(url, isFirst ? MAX_DESCRIPTION_BYTES : MAX_PAGE_BYTES)
    const failure =
      answer.kind !== 'answer' ? answer.reason : answer.status === 200 ? undefined : `status ${answer.status}`
    if (answer.kind !== 'answer' || failure !== undefined) {
      if (isFirst) throw unreadable(url, failure ?? '')
      leave(url, failure ?? '')
      continue
    }
    const text = new TextDecoder().decode(answer.body)
    const type = answer.headers['content-type'] ?? ''
    if (isFirst && (/json|yaml/.test(type) || looksLikeDescription(text)))
      return { ...crawled, description: text }
    const isHtml = /html/.test(type) || (type === '' && /^\s*</.test(text))
    if (!isHtml && !/text|markdown/.test(type)) {
      if (isFirst) throw unreadable(url, `it is ${type === '' ? 'of no known type' : type}, not a page`)
      leave(url, `not a page (${type})`)
      continue
    }
    // A redirect within a crawl must not carry it away from what was asked for.
    if (!isFirst && !within(answer.url)) {
      leave(url, `it redirects out of ${start}`)
      continue
    }
    known.add(pageOf(answer.url))
    let page: PageRead
    try {
      page = await readApart({ format: isHtml ? 'html' : 'markdown', text, url: answer.url }, options.signal)
    } catch (cause) {
      const { code, message } = toAppError(cause)
      if (code !== 'invalid_input') throw cause
      if (isFirst) throw unreadable(url, message)
      leave(url, message)
      continue
    }
    const { links = [], base, cutShort, ...document } = page
    if (cutShort !== undefined) leave(url, `read in part: ${cutShort}`)
    crawled.documents.push(document)
    const from = (base === undefined ? undefined : absolute(base, answer.url)) ?? answer.url
    for (const link of links) {
      const target = absolute(link, from)
      const next = target === undefined ? undefined : pageOf(target)
      if (next === undefined || known.has(next) || !within(next) || NO_PAGE.test(new URL(next).pathname))
        continue
      known.add(next)
      open.push(next)
    }
    options.progress?.(crawled.documents.length)
  }
  return crawled
}

/** Pages differ by path and query, not by the place within them. */
const pageOf = (url: string) => url.replace(/#.*$/, '')

/** The folder of the address: `/docs/api/intro` leads to what is below `/docs/api/`. */
function scopeOf(start: string): (url: string) => boolean {
  const { origin, pathname } = new URL(start)
  const folder = pathname.replace(/[^/]*$/, '')
  const own = pathname.endsWith('/') ? pathname : `${pathname}/`
  return (url) => {
    const target = new URL(url)
    return target.origin === origin && (target.pathname.startsWith(folder) || target.pathname.startsWith(own))
  }
}

const unreadable = (url: string, reason: string) =>
  new AppError('upstream_error', `The page ${url} could not be read: ${reason}.`, {
    where: 'url',
    hint: 'Check the address, or give the text of the page in `text`.',
    retryable: false,
  })
