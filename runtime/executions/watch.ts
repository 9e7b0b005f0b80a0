import { setTimeout as pause } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../../core/actor.ts'
import type { Database } from '../../db/database.ts'
import { statusOf } from '../../db/executions.ts'
import { hasEnded } from './transitions.ts'

/** How soon the end of an execution that runs in another process is noticed. */
const LOOK_EVERY_MS = 500
/** How many of those that ended here last are remembered, for callers who begin to wait for them just then. */
const MAX_NOTED = 1_000

export interface Watch {
  /** An execution ended in this process, or was put aside. */
  noted(id: string, ended: boolean): void
  /**
   * Resolves when the execution has ended, it begins to wait, or the time is up.
   * @param ms how long at most
   */
  untilEnded(scope: TenantScope, id: string, ms: number, signal: AbortSignal): Promise<void>
}

/** Waits for executions on behalf of callers who want the outcome with the answer. */
export function buildWatch(db: Database): Watch {
  const waiting = new Map<string, Set<() => void>>()
  const endedHere = new LRUCache<string, true>({ max: MAX_NOTED })

  return {
    noted: (id, ended) => {
      if (ended) endedHere.set(id, true)
      for (const wake of waiting.get(id) ?? []) wake()
    },
    untilEnded: async (scope, id, ms, signal) => {
      const end = Date.now() + ms
      let wake = () => {}
      const mine = waiting.get(id) ?? new Set()
      const handle = () => wake()
      waiting.set(id, mine.add(handle))
      try {
        while (!endedHere.has(id)) {
          const left = end - Date.now()
          if (left <= 0 || signal.aborted) return
          const woken = new Promise<void>((resolve) => {
            wake = resolve
          })
          const stop = new AbortController()
          await Promise.race([
            woken,
            pause(Math.min(left, LOOK_EVERY_MS), undefined, {
              signal: AbortSignal.any([signal, stop.signal]),
            }).catch(() => undefined),
          ])
          stop.abort()
          if (endedHere.has(id)) return
          const status = await db.read(scope, (tx) => statusOf(tx, id))
          if (status === undefined || hasEnded(status) || status === 'waiting') return
        }
      } finally {
        mine.delete(handle)
        if (mine.size === 0) waiting.delete(id)
      }
    },
  }
}
