import type { Logger } from '../../core/log.ts'
import { type Change, type ChangeKind, listenToChanges } from '../../db/changes.ts'
import type { Database } from '../../db/database.ts'

/** What other processes, and this one, have changed: caches forget, clients are told. */
export interface Changes {
  /**
   * Calls back within moments of a change being committed by whichever process. After a time in which changes could
   * not be heard it is called with null: anything may have changed.
   */
  on(kind: ChangeKind, listener: (change: Change | null) => void): void
  /** Are changes heard now? While they are not, remember for moments only. */
  heard(): boolean
  close(): Promise<void>
}

export function buildChanges(deps: { db: Database; log: Logger }): Changes {
  const { db, log } = deps
  const listeners = new Map<ChangeKind, Set<(change: Change | null) => void>>()
  const listener = listenToChanges({
    connection: db.connection,
    log,
    onChange: (change) => {
      for (const tell of listeners.get(change.kind) ?? []) tell(change)
    },
    onBegin: () => {
      for (const all of listeners.values()) for (const tell of all) tell(null)
    },
  })
  return {
    on: (kind, tell) => {
      const known = listeners.get(kind) ?? new Set()
      listeners.set(kind, known.add(tell))
    },
    heard: listener.listening,
    close: listener.close,
  }
}
