import { AppError } from '../../../core/errors.ts'
import type { HttpClient, HttpResponse } from '../../http/client.ts'
import { retryAfter } from '../retry-after.ts'
import { buildHosts, type HostState } from './hosts.ts'
import { absolute } from './lead.ts'
import type { DiscoveryLimits } from './limits.ts'
import { readRobots } from './robots.ts'

/** An answer, or why there is none. */
export type Fetched =
  | { kind: 'answer'; status: number; headers: Record<string, string>; body: Uint8Array; url: string }
  | { kind: 'failed'; reason: string }
  | { kind: 'not_asked'; reason: string }

export interface PoliteClient {
  get(url: string, maxBytes: number): Promise<Fetched>
  /** Could this host be reached, and does it want to be? Asks for its robots.txt. */
  reach(url: string): Promise<{ stopped: string | undefined; sitemaps: string[] }>
  /** May a request to this host start now? */
  hasRoom(origin: string): boolean
  spent(): { requests: number; bytes: number }
}

export interface PoliteClientOptions {
  http: HttpClient
  /** Sent as User-Agent: a name and where to read who asks. */
  userAgent: string
  limits: DiscoveryLimits
  /** Aborts when the discovery's time is over or its caller is gone. */
  signal: AbortSignal
}

const MAX_TIMEOUTS_PER_HOST = 2

/**
 * Asks sites as a well-behaved robot: robots.txt is kept to (RFC 9309), no more than a few requests at a time go to
 * one host, and one that answers 429, or 503 with Retry-After, is left in peace. Each redirect is judged anew.
 */
export function buildPoliteClient({ http, userAgent, limits, signal }: PoliteClientOptions): PoliteClient {
  const spent = { requests: 0, bytes: 0 }
  const hosts = buildHosts(limits.concurrencyPerHost)

  /** One request, when it is its turn at the host; undefined: by then the host wanted no more. */
  const ask = async (
    host: HostState,
    url: string,
    maxBytes: number,
    maxRedirects: number,
  ): Promise<HttpResponse | undefined> => {
    await host.enter(signal)
    try {
      if (host.stopped !== undefined || exhausted() !== undefined) return undefined
      spent.requests += 1
      const response = await http.request(
        {
          method: 'GET',
          url,
          headers: { 'user-agent': userAgent, accept: ACCEPT },
          timeoutMs: limits.requestMs,
          maxResponseBytes: Math.min(maxBytes, Math.max(1, limits.maxBytes - spent.bytes)),
          maxRedirects,
        },
        signal,
      )
      spent.bytes += response.body.byteLength
      heed(host, response)
      return response
    } catch (error) {
      if (error instanceof AppError) noteFailure(host, error, maxBytes)
      throw error
    } finally {
      host.leave()
    }
  }

  const exhausted = (): string | undefined => {
    if (signal.aborted) return 'the time is over'
    if (spent.requests >= limits.maxRequests) return `the limit of ${limits.maxRequests} requests is reached`
    if (spent.bytes >= limits.maxBytes) return `the limit of ${limits.maxBytes} bytes is reached`
    return undefined
  }

  const prepare = (host: HostState): Promise<void> =>
    host.prepared(async () => {
      try {
        // RFC 9309, 2.3.1.2: redirects of robots.txt are followed, to other hosts too.
        const response = await ask(host, `${host.origin}/robots.txt`, MAX_ROBOTS_BYTES, limits.maxRedirects)
        if (response === undefined) return
        const robots = readRobots(host.origin, response)
        if (robots.closed !== undefined) host.stop(robots.closed)
        else host.robots = robots
      } catch (error) {
        host.stop(`it cannot be asked: ${messageOf(error)}`)
      }
    })

  const noteFailure = (host: HostState, error: AppError, maxBytes: number) => {
    if (error.data?.maxResponseBytes !== undefined) spent.bytes += maxBytes
    if (error.code !== 'timeout') return
    host.timeouts += 1
    if (host.timeouts >= MAX_TIMEOUTS_PER_HOST) host.stop('it is too slow')
  }

  /** Leaves a host alone that asks for it. */
  const heed = (host: HostState, { status, headers }: Pick<HttpResponse, 'status' | 'headers'>) => {
    const seconds = retryAfter(headers['retry-after'], Date.now())
    if (status === 429 || (status === 503 && seconds !== undefined)) {
      const wait = seconds === undefined ? '' : `, and to wait ${seconds} s`
      host.stop(`it asks for fewer requests (status ${status})${wait}`)
    }
  }

  const get = async (first: string, maxBytes: number): Promise<Fetched> => {
    let url = first
    const seen = new Set<string>()
    for (let hop = 0; ; hop++) {
      if (seen.has(url)) return { kind: 'failed', reason: `redirects go in circles at ${url}` }
      if (hop > limits.maxRedirects)
        return { kind: 'failed', reason: `more than ${limits.maxRedirects} redirects` }
      seen.add(url)
      const host = hosts.of(new URL(url).origin)
      const over = exhausted()
      if (over !== undefined) return { kind: 'not_asked', reason: over }
      await prepare(host)
      const reason = host.stopped ?? host.robots?.forbids(url) ?? exhausted()
      if (reason !== undefined)
        return { kind: 'not_asked', reason: hop === 0 ? reason : `redirects to ${url}: ${reason}` }
      let response: HttpResponse | undefined
      try {
        response = await ask(host, url, maxBytes, 0)
      } catch (error) {
        return { kind: 'failed', reason: signal.aborted ? 'the time is over' : messageOf(error) }
      }
      if (response === undefined) return { kind: 'not_asked', reason: host.stopped ?? exhausted() ?? '' }
      const target = isRedirect(response) ? absolute(response.headers.location ?? '', url) : undefined
      if (target === undefined) return { kind: 'answer', ...response }
      url = target
    }
  }

  return {
    get,
    reach: async (url) => {
      const host = hosts.of(new URL(url).origin)
      await prepare(host)
      return { stopped: host.stopped, sitemaps: host.robots?.sitemaps ?? [] }
    },
    hasRoom: (origin) => hosts.of(origin).hasRoom(),
    spent: () => ({ ...spent }),
  }
}

const ACCEPT =
  'application/json, application/yaml, application/linkset+json, text/yaml, text/html;q=0.9, */*;q=0.5'
/** RFC 9309, 2.5: at least 500 kibibytes must be read. */
const MAX_ROBOTS_BYTES = 512 * 1024

const isRedirect = ({ status, headers }: HttpResponse): boolean =>
  [301, 302, 303, 307, 308].includes(status) && headers.location !== undefined

const messageOf = (error: unknown): string => {
  if (error instanceof AppError) return error.message
  throw error
}
