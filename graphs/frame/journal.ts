import type { TenantScope } from '../../core/actor.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import {
  addAgentRunEvents,
  getRunRecord,
  lockClaim,
  type NewAgentRunEvent,
  putRunRecord,
} from '../../db/agent-runs.ts'
import type { Database } from '../../db/database.ts'
import { requireHeld } from './claim.ts'

/** Pieces of text wait so long for more before they are told. */
const TOKEN_MS = 150
const TOKEN_CHARS = 1_000

/** What one claim of a run writes: events in order, and records. Refused as soon as another process has the run. */
export interface Journal {
  tell(type: string, data: JsonObject): Promise<void>
  /** A piece of a model's text; pieces are told together. */
  token(text: string): void
  recorded(key: string): Promise<Json | undefined>
  /** Records a value and tells of it, both or neither. */
  record(key: string, value: unknown, event?: NewAgentRunEvent): Promise<void>
  /** Resolves when all that was to be told is told. */
  flush(): Promise<void>
}

export function buildJournal(deps: {
  db: Database
  log: Logger
  scope: TenantScope
  run: { id: string; claim: number }
}): Journal {
  const { db, scope, run } = deps
  let text = ''
  let timer: NodeJS.Timeout | undefined
  let last: Promise<unknown> = Promise.resolve()

  const takeTokens = (): NewAgentRunEvent[] => {
    clearTimeout(timer)
    timer = undefined
    if (text === '') return []
    const event = { type: 'token', data: { text } }
    text = ''
    return [event]
  }
  /** One after the other: events have the order they were told in. */
  const write = (events: readonly NewAgentRunEvent[], record?: { key: string; value: unknown }) => {
    const all = [...takeTokens(), ...events]
    if (all.length === 0 && record === undefined) return last
    const mine = last
      .catch(() => undefined) // whoever told that one was told of it
      .then(() =>
        db.tenant(scope, async (tx) => {
          requireHeld(await lockClaim(tx, run.id, run.claim))
          if (record !== undefined) await putRunRecord(tx, run.id, record.key, record.value)
          if (all.length > 0) await addAgentRunEvents(tx, run.id, all)
        }),
      )
    last = mine
    return mine
  }
  const flushTokens = () => {
    write([]).catch((error: Error) =>
      deps.log.warn({ run: run.id, err: error.message }, 'text of a model was not told'),
    )
  }

  return {
    tell: async (type, data) => {
      await write([{ type, data }])
    },
    token: (piece) => {
      text += piece
      if (text.length >= TOKEN_CHARS) flushTokens()
      else timer ??= setTimeout(flushTokens, TOKEN_MS)
    },
    recorded: async (key) => (await db.read(scope, (tx) => getRunRecord(tx, run.id, key)))?.value,
    record: async (key, value, event) => {
      await write(event === undefined ? [] : [event], { key, value })
    },
    flush: async () => {
      await write([])
    },
  }
}
