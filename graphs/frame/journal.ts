import { deserialize, serialize } from 'node:v8'
import type { TenantScope } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import {
  addAgentRunEvents,
  changesOfRun,
  dropRunRecord,
  getRunRecord,
  lockClaim,
  type NewAgentRunEvent,
  putRunRecord,
} from '../../db/agent-runs.ts'
import type { Database } from '../../db/database.ts'
import type { CallKeeper } from '../../tools/define-tool.ts'
import { requireHeld } from './claim.ts'
import type { Did } from './define-agent.ts'

/** Pieces of text wait so long for more before they are told. */
const TOKEN_MS = 150
const TOKEN_CHARS = 1_000

/** What one claim of a run writes: events in order, and records. Refused as soon as another process has the run. */
export interface Journal {
  tell(type: string, data: JsonObject): Promise<void>
  /** A piece of a model's text; pieces are told together. */
  token(text: string): void
  recorded(key: string): Promise<Json | undefined>
  /** What calls of these tools changed, as `RunContext.did` gives it. */
  changes(tools: readonly string[]): Promise<Did[]>
  /** Keeps the effect of a tool's call with the run, in the call's own transaction, until its answer is recorded. */
  keeper(key: string): CallKeeper
  /** Records a value and tells of it, both or neither. */
  record(key: string, value: unknown, event?: NewAgentRunEvent): Promise<void>
  /** Resolves when all that was to be told is told. */
  flush(): Promise<void>
}

/** Where the effect of a call is kept, whose answer is to be recorded under `key`. */
const effectOf = (key: string): string => `effect_of_${key}`

/** The call's transaction is rolled back: the process that has the run now makes it. */
const goneElsewhere = () => new AppError('cancelled', 'The run is in the hands of another process.')

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
          if (record !== undefined) {
            await putRunRecord(tx, run.id, record.key, record.value)
            await dropRunRecord(tx, run.id, effectOf(record.key))
          }
          if (all.length > 0) await addAgentRunEvents(tx, run.id, all)
        }),
      )
    last = mine
    return mine
  }
  const recorded = async (key: string) => (await db.read(scope, (tx) => getRunRecord(tx, run.id, key)))?.value
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
    recorded,
    changes: (tools) => db.read(scope, (tx) => changesOfRun(tx, run.id, tools)),
    keeper: (key) => ({
      before: async () => {
        const kept = await recorded(effectOf(key))
        return kept === undefined ? undefined : { gave: deserialize(Buffer.from(String(kept), 'base64')) }
      },
      keep: async (tx, gave) => {
        if ((await lockClaim(tx, run.id, run.claim)) === undefined) throw goneElsewhere()
        await putRunRecord(tx, run.id, effectOf(key), serialize(gave).toString('base64'))
      },
    }),
    record: async (key, value, event) => {
      await write(event === undefined ? [] : [event], { key, value })
    },
    // Of a write that failed whoever asked for it was told, and the run is concluded by it.
    flush: async () => {
      flushTokens()
      await last.catch(() => undefined)
    },
  }
}
