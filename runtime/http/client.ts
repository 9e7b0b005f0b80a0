import { Agent, request as undiciRequest } from 'undici'
import { AppError, invalidInput } from '../../core/errors.ts'
import { buildAddressPolicy } from './addresses.ts'
import { ACCEPT_ENCODING, LARGE_BODY_BYTES, readBody, tooLarge } from './body.ts'
import { buildGuardedConnector, type Resolve, resolveWithSystem } from './connector.ts'
import { toNetworkError } from './failures.ts'
import { nextHop } from './redirects.ts'

export interface HttpRequest {
  method: string
  /** Absolute `http:` or `https:` URL, without user information. */
  url: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  /** Total time for connecting, redirects and the whole body. */
  timeoutMs?: number
  /** Bound on the response body, before and after decompression. */
  maxResponseBytes?: number
  /** Waited for once, as soon as the body turns out to be larger than 1 MB: the rest is read after it resolves. */
  beforeLargeBody?: () => Promise<void>
  /** Redirects followed; 0 returns the redirect response itself. Default 5. */
  maxRedirects?: number
}

export interface HttpResponse {
  status: number
  /** Lower-case names; repeated headers are joined with `, `. */
  headers: Record<string, string>
  /** Decompressed bytes. */
  body: Uint8Array
  /** The address that answered, after redirects. */
  url: string
  durationMs: number
}

/** The one way out: see {@link buildHttpClient}. */
export interface HttpClient {
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse>
  close(): Promise<void>
}

export interface HttpClientOptions {
  /** Hostnames, IPs, CIDRs, `host:port`, or `*`: what may be reached although it is not public. */
  allowedPrivateHosts: readonly string[]
  defaultTimeoutMs?: number
  defaultMaxResponseBytes?: number
  /** How names are resolved; the system's resolver unless a test plays another. */
  resolve?: Resolve
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_MAX_RESPONSE_BYTES = 10 * 1024 * 1024
const DEFAULT_MAX_REDIRECTS = 5
const KEEP_ALIVE_MS = 10_000

/**
 * The guarded HTTP client. It refuses addresses that are not public (checked when the socket is opened,
 * pinned, for every redirect), bounds time and size, and drops every header that could carry a credential
 * when a redirect leaves the origin. Connections are kept alive and pooled per origin.
 *
 * @throws AppError `forbidden` (address refused), `upstream_error` (network failure, retryable; response
 * too large, not), `timeout`, `cancelled`, `invalid_input` (not an http or https URL).
 */
export function buildHttpClient(options: HttpClientOptions): HttpClient {
  const policy = buildAddressPolicy(options.allowedPrivateHosts)
  const dispatcher = new Agent({
    connect: buildGuardedConnector(policy, options.resolve ?? resolveWithSystem),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The total-time timer below governs; undici's own per-phase limits would cut long calls short.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const defaultTimeoutMs = options.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS
  const defaultMaxBytes = options.defaultMaxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES

  async function request(first: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    const startedAt = performance.now()
    const timeoutMs = first.timeoutMs ?? defaultTimeoutMs
    const maxBytes = first.maxResponseBytes ?? defaultMaxBytes
    const controller = new AbortController()
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      controller.abort()
    }, timeoutMs)
    const onAbort = () => controller.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) controller.abort()

    let hop: HttpRequest = first
    let redirectsLeft = first.maxRedirects ?? DEFAULT_MAX_REDIRECTS
    try {
      for (;;) {
        const url = parseTarget(hop.url)
        const response = await undiciRequest(url, {
          method: hop.method.toUpperCase() as 'GET',
          headers: { 'accept-encoding': ACCEPT_ENCODING, ...hop.headers },
          ...(hop.body === undefined ? {} : { body: hop.body }),
          dispatcher,
          signal: controller.signal,
        })
        const headers = flattenHeaders(response.headers)
        const next = redirectsLeft > 0 ? nextHop(hop, url, response.statusCode, headers.location) : undefined
        if (next !== undefined) {
          redirectsLeft -= 1
          await response.body.dump({ limit: 16_384, signal: controller.signal })
          hop = next
          continue
        }
        if (hop.method.toUpperCase() !== 'HEAD' && Number(headers['content-length'] ?? 0) > maxBytes) {
          response.body.destroy()
          throw tooLarge(maxBytes)
        }
        if (
          Number(headers['content-length'] ?? 0) > LARGE_BODY_BYTES &&
          headers['content-encoding'] === undefined
        ) {
          await hop.beforeLargeBody?.().catch((error: unknown) => {
            response.body.destroy()
            throw error
          })
        }
        // The parser holds a plain body to its content-length, checked above: no need to count chunks.
        const body =
          headers['content-length'] !== undefined && headers['content-encoding'] === undefined
            ? new Uint8Array(await response.body.arrayBuffer())
            : await readBody(response.body, headers['content-encoding'], maxBytes, hop.beforeLargeBody)
        return {
          status: response.statusCode,
          headers,
          body,
          url: url.href,
          durationMs: performance.now() - startedAt,
        }
      }
    } catch (error) {
      throw toNetworkError(error, { url: hop.url, timedOut, timeoutMs, cancelled: signal?.aborted === true })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return { request, close: () => dispatcher.destroy() }
}

function parseTarget(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalidInput(`'${text.slice(0, 200)}' is not an absolute http or https URL.`, {
      where: 'url',
      hint: "Give the whole address, such as 'https://api.example.com/v1/items'.",
    })
  }
  if (url.username !== '' || url.password !== '') {
    throw new AppError('invalid_input', 'The URL carries a user name or password.', {
      where: 'url',
      hint: 'Take them out of the URL and send them as a connection credential or an Authorization header.',
    })
  }
  return url
}

function flattenHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}
