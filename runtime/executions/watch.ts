import { setTimeout as pause } from 'node:timers/promises'
import type { TenantScope } from '../../core/actor.ts'
import type { Database } from '../../db/database.ts'
import { getExecution } from '../../db/executions.ts'
import { hasEnded } from './transitions.ts'

/** How soon the end of an execution that runs in another process is noticed. */
const LOOK_EVERY_MS = 500

export interface Watch {
  /** An execution ended, or was put aside, in this process. */
  noted(id: string): void
  /**
   * Resolves when the execution has ended, it begins to wait, or the time is up.
   * @param ms how long at most
   */
  untilEnded(scope: TenantScope, id: string, ms: number, signal: AbortSignal): Promise<void>
}

/** Waits for executions on behalf of callers who want the outcome with the answer. */
export function buildWatch(db: Database): Watch {
  const waiting = new Map<string, Set<() => void>>()

  return {
    noted: (id) => {
      for (const wake of waiting.get(id) ?? []) wake()
    },
    untilEnded: async (scope, id, ms, signal) => {
      const end = Date.now() + ms
      let wake = () => {}
      const mine = waiting.get(id) ?? new Set()
      const handle = () => wake()
      waiting.set(id, mine.add(handle))
      try {
        for (;;) {
          const woken = new Promise<void>((resolve) => {
            wake = resolve
          })
          const row = await db.read(scope, (tx) => getExecution(tx, id))
          const left = end - Date.now()
          if (row === undefined || hasEnded(row.status) || row.status === 'waiting') return
          if (left <= 0 || signal.aborted) return
          const stop = new AbortController()
          await Promise.race([
            woken,
            pause(Math.min(left, LOOK_EVERY_MS), undefined, {
              signal: AbortSignal.any([signal, stop.signal]),
            }).catch(() => undefined),
          ])
          stop.abort()
        }
      } finally {
        mine.delete(handle)
        if (mine.size === 0) waiting.delete(id)
      }
    },
  }
}
