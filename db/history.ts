/** History by time: spans of it are partitions (0004_history.sql), made ahead of time and dropped when it is over. */
import { firstId } from '../core/ids.ts'
import type { Database, Tx } from './database.ts'

const DAY_MS = 86_400_000
/** How long a delivery that comes again is known. Senders give up within days. */
const EVENT_KEY_DAYS = 30
/** Rows deleted at once, so that nobody waits long for a lock. */
const BATCH_ROWS = 1_000
/** Batches in one round; the next round goes on. */
const MAX_BATCHES = 200

export interface HistoryRound {
  /** First days (YYYYMMDD) of the spans made and dropped. */
  made: string[]
  dropped: string[]
  /** Executions of dropped spans that stay: they have not ended, or their dead letter waits for somebody. */
  kept: number
}

/** Makes the partitions that now and the time to come need and do not have; gives their first days. */
export const makePartitions = async (
  db: Database,
  { days, now = new Date() }: { days: number; now?: Date },
): Promise<string[]> =>
  (await db.system((tx) => tx.row<{ spans: string[] }>('SELECT make_history($1, $2) AS spans', [now, days])))
    ?.spans ?? []

/**
 * Makes partitions ahead, drops those older than `days`, and clears away what belonged to executions that are gone.
 * Any number of processes may do it, at any time: the database lets one at a time.
 */
export async function maintainHistory(
  db: Database,
  { days, now = new Date() }: { days: number; now?: Date },
): Promise<HistoryRound> {
  const round: HistoryRound = { made: await makePartitions(db, { days, now }), dropped: [], kept: 0 }
  const before = new Date(now.getTime() - days * DAY_MS)
  for (;;) {
    const dropped = await db.system((tx) => dropOldestSpan(tx, now, days, before))
    if (dropped === undefined) break
    round.dropped.push(dropped.span)
    round.kept += dropped.kept
  }
  await inBatches(() => db.system((tx) => clearDefault(tx, before)))
  for (const sql of leftBehind) {
    await inBatches(() =>
      db.system((tx) => tx.run(sql, [firstId('execution', before.getTime()), BATCH_ROWS])),
    )
  }
  await inBatches(() =>
    db.system((tx) =>
      tx.run(
        `DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE id < $1 AND status <> 'pending' LIMIT $2)`,
        [firstId('deadLetter', before.getTime()), BATCH_ROWS],
      ),
    ),
  )
  await inBatches(() =>
    db.system((tx) =>
      tx.run(
        `DELETE FROM event_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_keys WHERE event_id < $1 LIMIT $2))`,
        [firstId('event', now.getTime() - EVENT_KEY_DAYS * DAY_MS), BATCH_ROWS],
      ),
    ),
  )
  return round
}

/** What belonged to executions that went with their span. Parameters: the first id that is kept, rows at most. */
const leftBehind = [
  ['approvals', 'execution_id', 'true'],
  ['execution_signals', 'execution_id', 'true'],
  ['state_entries', 'scope_id', "scope = 'execution'"],
].map(
  ([table, key, which]) =>
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT x.ctid FROM ${table} x
       WHERE x.${key} COLLATE "C" < $1 AND ${which} AND NOT EXISTS (SELECT FROM executions e WHERE e.id = x.${key}) LIMIT $2))`,
)

async function inBatches(deleteSome: () => Promise<number>): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) if ((await deleteSome()) < BATCH_ROWS) return
}

/** Executions whose dead letter waits for somebody: it is replayed from them. */
const awaited = async (tx: Tx, before: Date): Promise<string[]> =>
  (
    await tx.rows<{ execution_id: string }>(
      "SELECT execution_id FROM dead_letters WHERE status = 'pending' AND execution_id < $1",
      [firstId('execution', before.getTime())],
    )
  ).map((row) => row.execution_id)

async function dropOldestSpan(
  tx: Tx,
  now: Date,
  days: number,
  before: Date,
): Promise<{ span: string; kept: number } | undefined> {
  const detached = await tx.row<{ span: string | null }>('SELECT detach_history($1, $2) AS span', [now, days])
  const span = detached?.span ?? null
  if (span === null) return undefined
  // After the detachment: none can be added to those found now.
  const dropped = await tx.row<{ kept: number }>('SELECT drop_history($1, $2) AS kept', [
    span,
    await awaited(tx, before),
  ])
  return { span, kept: dropped?.kept ?? 0 }
}

const clearDefault = async (tx: Tx, before: Date): Promise<number> =>
  (
    await tx.row<{ n: number }>('SELECT clear_history($1, $2, $3) AS n', [
      before,
      await awaited(tx, before),
      BATCH_ROWS,
    ])
  )?.n ?? 0
