import { type Lead, type Link, stages } from './lead.ts'
import { readHtml } from './read-html.ts'
import { linksOfCatalog, linksOfHeader, linksOfManifest, linksOfSitemap, linksOfText } from './read-lists.ts'
import { linksOfScript } from './read-script.ts'
import { type Recognized, recognize } from './recognize.ts'

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Uint8Array
  /** After redirects. */
  url: string
}

export interface Read {
  outcome: string
  recognized?: Recognized
  links: Link[]
  /** Scripts that may name a description. */
  scripts: string[]
}

const FORMATS = { openapi: 'OpenAPI', swagger: 'Swagger', postman: 'Postman Collection' }
const MAX_LIST_CHARS = 2_000_000

/** What an answer is, by its content, and where it leads. */
export function readAnswer(lead: Lead, answer: Answer): Read {
  const headerLinks = linksOfHeader(answer.headers.link, answer.url)
  const read = answer.status >= 200 && answer.status < 300 ? readBody(lead, answer) : refused(answer.status)
  return { ...read, links: [...headerLinks, ...read.links] }
}

function refused(status: number): Read {
  const outcome =
    status === 404 || status === 410
      ? `not found (${status})`
      : status === 401 || status === 403
        ? `not for everybody (${status})`
        : `status ${status}`
  return { outcome, links: [], scripts: [] }
}

function readBody(lead: Lead, { body, headers, url }: Answer): Read {
  const text = new TextDecoder().decode(body)
  const recognized = recognize(text)
  if (recognized !== undefined) {
    if ('problem' in recognized) return nothing(`looks like an API description, but: ${recognized.problem}`)
    const { format, formatVersion, operations } = recognized
    const count = operations === null ? 'operations not counted' : `${operations} operations`
    return { outcome: `${FORMATS[format]} ${formatVersion}, ${count}`, recognized, links: [], scripts: [] }
  }
  const start = text.slice(0, 500).trimStart()
  if (text.length > MAX_LIST_CHARS) return nothing('a large file, no API description')
  if (/^<(?:\?xml|urlset|sitemapindex)/i.test(start) && /<(?:urlset|sitemapindex)/i.test(start))
    return found('a sitemap', linksOfSitemap(text, url))
  if (start.startsWith('<')) return readPage(lead, text, url)
  if (start.startsWith('{') || start.startsWith('[')) return readJson(lead, text, url)
  const { pathname } = new URL(url)
  if (/javascript|ecmascript/i.test(headers['content-type'] ?? '') || /\.m?js$/i.test(pathname))
    return found('a script', linksOfScript(text, url, url))
  if (/\.(?:txt|md)$/i.test(pathname)) return found('a text', linksOfText(text, url))
  return nothing(start === '' ? 'empty' : 'no API description')
}

function readPage(lead: Lead, text: string, url: string): Read {
  // Many sites answer anything with a page: only where one was looked for is it read.
  if (!lead.isPage && lead.stage !== stages.declared) return nothing('a page, no API description')
  const { title, links, scripts, cutShort } = readHtml(text, url)
  const name = title === '' ? 'a page' : `a page, '${title}'`
  return {
    outcome: cutShort === undefined ? name : `${name}, not read to its end: ${cutShort}`,
    links,
    scripts,
  }
}

function readJson(lead: Lead, text: string, url: string): Read {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return nothing('no API description, and not valid JSON')
  }
  const catalog = linksOfCatalog(document, url)
  if (catalog.length > 0) return found('an API catalog', catalog)
  // A manifest is believed where one was looked for: elsewhere `url` is any address.
  const isManifest =
    lead.stage === stages.declared || /swagger-config|ai-plugin|configuration/i.test(lead.url)
  const named = isManifest ? linksOfManifest(document, url) : []
  return named.length > 0 ? found('a manifest', named) : nothing('JSON, no API description')
}

const nothing = (outcome: string): Read => ({ outcome, links: [], scripts: [] })
const found = (what: string, links: Link[]): Read => ({
  outcome:
    links.length === 0
      ? `${what}, of nothing that helps`
      : `${what}, of ${links.length} addresses that may help`,
  links,
  scripts: [],
})
