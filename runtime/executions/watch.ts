import { LRUCache } from 'lru-cache'
import type { Database } from '../../db/database.ts'
import { statusOf } from '../../db/executions.ts'
import type { EndedExecution, Executions } from './executions.ts'
import { hasEnded } from './transitions.ts'

/** How soon the end of an execution that runs in another process is noticed. */
const LOOK_EVERY_MS = 500
/** How many of those that ended here last are remembered, for callers who begin to wait for them just then. */
const MAX_NOTED = 1_000
/** How long a caller who said so may take to ask. */
const MAX_WATCHED_MS = 60_000

export interface Watch {
  /** The caller who starts this execution is going to wait for it. */
  expect(id: string): void
  /**
   * An execution ended in this process, or was put aside (`ended`: false).
   * @param known what it ended with, where that is all there is to know of it
   */
  noted(id: string, ended: boolean, known?: () => EndedExecution | undefined): void
  untilEnded: Executions['untilEnded']
}

/** Waits for executions on behalf of callers who want the outcome with the answer. */
export function buildWatch(db: Database): Watch {
  const waiting = new Map<string, Set<() => void>>()
  const endedHere = new LRUCache<string, true>({ max: MAX_NOTED })
  /** Those whose caller will ask: undefined until they have ended. */
  const expected = new LRUCache<string, { ended: EndedExecution | undefined }>({
    max: MAX_NOTED,
    ttl: MAX_WATCHED_MS,
  })

  return {
    expect: (id) => {
      expected.set(id, { ended: undefined })
    },
    noted: (id, ended, known) => {
      if (ended) endedHere.set(id, true)
      const of = expected.get(id)
      if (ended && of !== undefined) of.ended = known?.()
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
          if (left <= 0 || signal.aborted) return undefined
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, Math.min(left, LOOK_EVERY_MS))
            wake = () => {
              clearTimeout(timer)
              resolve()
            }
            signal.addEventListener('abort', wake, { once: true })
          })
          signal.removeEventListener('abort', wake)
          if (endedHere.has(id)) break
          const status = await db.read(scope, (tx) => statusOf(tx, id))
          if (status === undefined || hasEnded(status) || status === 'waiting') return undefined
        }
        return expected.get(id)?.ended
      } finally {
        expected.delete(id)
        mine.delete(handle)
        if (mine.size === 0) waiting.delete(id)
      }
    },
  }
}
