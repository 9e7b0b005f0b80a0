import type { HttpRequest } from './client.ts'

/**
 * Headers that survive a redirect to another origin. An allow-list: an API key may travel under any name,
 * so only what is known to be harmless is kept.
 */
const CROSS_ORIGIN_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'user-agent',
])

/**
 * The request that follows a redirect, or undefined when the response is to be returned as it is. 303, and
 * 301/302 answering a POST, become GET without a body; 307 and 308 repeat the request. A 301/302 answering
 * PUT, PATCH or DELETE is not followed: as a GET it would report success for a change that was not made.
 */
export function nextHop(
  request: HttpRequest,
  from: URL,
  status: number,
  location: string | undefined,
): HttpRequest | undefined {
  if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) return undefined
  const target = URL.parse(location, from.href)
  if (target === null) return undefined
  const method = request.method.toUpperCase()
  const safe = method === 'GET' || method === 'HEAD'
  const repeats = safe || status === 307 || status === 308
  if (!repeats && status !== 303 && method !== 'POST') return undefined

  const sameOrigin = target.origin === from.origin
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    const lower = name.toLowerCase()
    if (!sameOrigin && !CROSS_ORIGIN_HEADERS.has(lower)) continue
    if (!repeats && /^content-|^transfer-encoding$/.test(lower)) continue
    headers[name] = value
  }
  const { body, ...rest } = request
  return {
    ...rest,
    method: repeats ? request.method : 'GET',
    url: target.href,
    headers,
    ...(repeats && body !== undefined ? { body } : {}),
  }
}
