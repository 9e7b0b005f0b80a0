import { isDeepStrictEqual } from 'node:util'
import type { BuiltRequest } from '../../runtime/connectors/request.ts'
import type { SavedRequest } from './saved-requests.ts'

export interface Difference {
  where: string
  message: string
}

/** What each program says about itself and its connection. */
const OF_THE_PROGRAM =
  /^(user-agent|postman-token|host|connection|accept-encoding|cache-control|content-length|transfer-encoding)$/

/**
 * How a request of ours differs in meaning from what Postman sends for the saved one: method, address, query,
 * headers, body. JSON is compared as values, forms as pairs, the parts of multipart bodies without their boundary.
 */
export async function compareRequests(ours: BuiltRequest, theirs: SavedRequest): Promise<Difference[]> {
  const found: Difference[] = []
  const compare = (where: string, mine: unknown, wanted: unknown) => {
    if (isDeepStrictEqual(mine, wanted)) return
    found.push({ where, message: `${JSON.stringify(mine)} where Postman sends ${JSON.stringify(wanted)}` })
  }
  const [mine, wanted] = [new URL(ours.url), new URL(theirs.url)]
  compare('method', ours.method, theirs.method)
  compare('address', decoded(mine), decoded(wanted))
  compare('query', pairs(mine.searchParams), pairs(wanted.searchParams))
  const content = { mine: bytesOf(ours.body), wanted: theirs.body }
  compare('headers', headersOf(ours.headers, content.mine), headersOf(theirs.headers, content.wanted))
  const accept = (ours.headers.accept ?? '*/*').split(/[,;]/)[0] ?? ''
  const accepted = theirs.headers.accept ?? '*/*'
  if (!accepted.includes('*/*')) compare('accept', accepted.includes(accept) ? accepted : accept, accepted)
  compare(
    'body',
    await meaning(content.mine, ours.headers['content-type']),
    await meaning(content.wanted, theirs.headers['content-type']),
  )
  return found
}

const decoded = (url: URL) => `${url.origin}${url.pathname.split('/').map(decodeURIComponent).join('/')}`

const pairs = (query: URLSearchParams) => [...query].map((pair) => pair.join('=')).sort()

const bytesOf = (body: string | Uint8Array | undefined): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body ?? '')

/** Without what is compared apart; a content type says nothing where there is no content. */
function headersOf(headers: Record<string, string>, body: Buffer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OF_THE_PROGRAM.test(name) && name !== 'accept')
      .filter(([name]) => name !== 'content-type' || body.byteLength > 0)
      .map(([name, value]): [string, string] => [
        name,
        name === 'content-type' ? value.replace(/;\s*boundary=.*$/, '') : value,
      ])
      .sort(),
  )
}

async function meaning(body: Buffer, contentType: string | undefined): Promise<unknown> {
  if (body.byteLength === 0) return null
  const type = contentType ?? ''
  if (/[/+]json\b/.test(type)) {
    try {
      return JSON.parse(body.toString())
    } catch {
      return body.toString()
    }
  }
  if (type.startsWith('application/x-www-form-urlencoded')) return pairs(new URLSearchParams(body.toString()))
  if (!type.startsWith('multipart/form-data')) return body.toString()
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  return Promise.all(
    [...form].map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, await value.text()],
    ),
  )
}
