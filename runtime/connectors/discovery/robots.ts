import robotsParser from 'robots-parser'
import type { HttpResponse } from '../../http/client.ts'

// Its types declare an ES module's default export; it is a CommonJS module that is the function itself.
const parseRobots = robotsParser as unknown as typeof robotsParser.default

/** The name that robots.txt files know us by. */
export const ROBOT_NAME = 'Patchbay'

export interface Robots {
  /** Why an address is not asked; undefined: it may be. */
  forbids(url: string): string | undefined
  delayMs: number
  sitemaps: string[]
  /** Why nothing of the host may be asked (RFC 9309, 2.3.1.4). */
  closed?: string
}

/** A file made to take long to judge; real ones take well under a millisecond. */
const MAX_JUDGING_MS = 100
/** Patterns times address, in characters: what the matching of wildcards may cost at worst. */
const MAX_JUDGING_STEPS = 30_000_000

/** What an answer to /robots.txt allows: one that does not exist allows all, one that fails allows nothing. */
export function readRobots(origin: string, response: Pick<HttpResponse, 'status' | 'body'>): Robots {
  const open = { forbids: () => undefined, delayMs: 0, sitemaps: [] }
  if (response.status >= 500) {
    return { ...open, closed: `its robots.txt cannot be read (status ${response.status})` }
  }
  if (response.status < 200 || response.status >= 300) return open
  const rules = parseRobots(`${origin}/robots.txt`, new TextDecoder().decode(response.body))
  let tooSlow = false
  return {
    delayMs: Math.max(0, (Number(rules.getCrawlDelay(ROBOT_NAME)) || 0) * 1000),
    sitemaps: rules.getSitemaps().slice(0, 3),
    forbids: (url) => {
      if (new URL(url).origin !== origin) return undefined
      if (tooSlow || response.body.byteLength * url.length > MAX_JUDGING_STEPS)
        return 'its robots.txt takes too long to judge'
      const startedAt = performance.now()
      const allowed = rules.isAllowed(url, ROBOT_NAME) !== false
      tooSlow = performance.now() - startedAt > MAX_JUDGING_MS
      return allowed ? undefined : 'its robots.txt disallows it'
    },
  }
}
