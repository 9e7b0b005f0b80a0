import { setTimeout as sleep } from 'node:timers/promises'
import type { Robots } from './robots.ts'

/** What is known of one origin during a discovery, and who is asking it. */
export interface HostState {
  origin: string
  robots: Robots | undefined
  timeouts: number
  /** Why nothing more is asked of it. */
  readonly stopped: string | undefined
  stop(reason: string): void
  /** Waits for a turn: few at a time, and as far apart as its robots.txt asks for. */
  enter(signal: AbortSignal): Promise<void>
  leave(): void
  hasRoom(): boolean
  /** Runs `once` the first time; everybody waits for it. */
  prepared(once: () => Promise<void>): Promise<void>
}

/** Longer than any crawl delay this keeps to: a host that asks for more is asked little before time is over. */
const MAX_DELAY_MS = 30_000

export function buildHosts(concurrency: number): { of(origin: string): HostState } {
  const hosts = new Map<string, HostState>()
  return {
    of(origin) {
      const known = hosts.get(origin)
      if (known !== undefined) return known
      const host = buildHost(origin, concurrency)
      hosts.set(origin, host)
      return host
    },
  }
}

function buildHost(origin: string, concurrency: number): HostState {
  let running = 0
  let nextAt = 0
  let stopped: string | undefined
  let preparing: Promise<void> | undefined
  const waiting: (() => void)[] = []

  const host: HostState = {
    origin,
    robots: undefined,
    timeouts: 0,
    get stopped() {
      return stopped
    },
    stop: (reason) => {
      stopped ??= reason
    },
    hasRoom: () => running < concurrency,
    async enter(signal) {
      while (running >= concurrency) await new Promise<void>((resume) => waiting.push(resume))
      running += 1
      const delayMs = Math.min(host.robots?.delayMs ?? 0, MAX_DELAY_MS)
      const startAt = Math.max(nextAt, Date.now())
      nextAt = startAt + delayMs
      if (startAt > Date.now()) {
        await sleep(startAt - Date.now(), undefined, { signal }).catch(() => undefined) // the request finds it aborted
      }
    },
    leave() {
      running -= 1
      waiting.shift()?.()
    },
    prepared: (once) => {
      preparing ??= once()
      return preparing
    },
  }
  return host
}
