/** Who waits in lanes gets places as they become free, by any process: see lanes.ts. */
import type { Database, Tx } from './database.ts'
import type { Tier } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { FAIR_PLACES, type Lane, nextInLane, pass, room, type Waiting } from './lane-places.ts'
import {
  insertLanes,
  insertWaits,
  type Locked,
  lockLanes,
  type Traveller,
  waitFor,
  writeLanes,
} from './lane-rows.ts'
import type { Place } from './lanes.ts'
import type { QueuedExecution } from './queued-execution.ts'

interface WaitingRow extends Traveller {
  lanes: string[]
  slots: number
  admission: Place['admission']
  run: number
  tier: Tier
}

const WAITING_COLUMNS =
  'id, organization_id, customer_id, priority, lanes, slots, admission, run + 1 AS run, tier'

const asJob = ({ id, run, tier, priority }: WaitingRow): QueuedExecution => ({
  id,
  run,
  tier,
  priority,
  delay_ms: 0,
  admission: 'admitted',
})

/** Queued executions whose time has come ask for their places; any number of processes may do it at once. */
export const admitDue = (
  db: Database,
  options: { ids: readonly string[] | null; limit: number },
): Promise<QueuedExecution[]> =>
  db.system(async (tx) => {
    const rows = await tx.rows<WaitingRow>(
      `SELECT ${WAITING_COLUMNS} FROM executions WHERE status = 'queued' AND admission = 'later' AND due_at <= now()
         AND ($1::text[] IS NULL OR id = ANY($1)) ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [options.ids, options.limit],
    )
    if (rows.length === 0) return []
    const locked = await lockAhead(tx, rows)
    const moves = rows.map((row) => move(locked.lanes, row))
    await carryOut(tx, locked, moves)
    return moves.filter(({ waitsIn }) => waitsIn === null).map(({ row }) => asJob(row))
  })

/**
 * Locks the lanes these have ahead of them, and others. Lanes are cleared away when nobody is in them; whoever comes
 * to one makes it anew, with the limit of its own version.
 */
async function lockAhead(
  tx: Tx,
  rows: readonly WaitingRow[],
  others: readonly string[] = [],
): Promise<Locked> {
  const ahead = rows.flatMap((row) => row.lanes.slice(row.slots).map((id) => ({ id, row })))
  const ids = [...new Set([...others, ...ahead.map(({ id }) => id)])]
  const locked = await lockLanes(tx, ids)
  const missing = ahead.filter(({ id }) => !locked.lanes.has(id))
  if (missing.length === 0) return locked
  const limits = await tx.rows<{ id: string; places: number | null }>(
    `SELECT e.id, (v.concurrency->>'limit')::int AS places FROM executions e JOIN workflow_versions v ON v.id = e.workflow_version_id
     WHERE e.id = ANY($1)`,
    [missing.map(({ row }) => row.id)],
  )
  const placesFor = new Map(limits.map(({ id, places }) => [id, places]))
  await insertLanes(
    tx,
    missing.map(({ id, row }) => ({
      id,
      organization_id: row.organization_id,
      places: id.startsWith('t:') ? 1 : (placesFor.get(row.id) ?? null),
      starts_limit: null,
      starts_seconds: null,
    })),
  )
  return lockLanes(tx, ids)
}

interface Move {
  row: WaitingRow
  slots: number
  waitsIn: string | null
}

const move = (lanes: ReadonlyMap<string, Lane>, row: WaitingRow): Move => ({ row, ...pass(lanes, row) })

/** Writes where executions stand now. */
async function carryOut(tx: Tx, locked: Locked, moves: readonly Move[]): Promise<void> {
  if (moves.length > 0) {
    await tx.run(
      `UPDATE executions e SET slots = m.slots, admission = m.admission
       FROM jsonb_to_recordset($1::jsonb) AS m(id text, slots smallint, admission text) WHERE e.id = m.id`,
      [
        toJsonb(
          moves.map(({ row, slots, waitsIn }) => ({
            id: row.id,
            slots,
            admission: waitsIn === null ? 'admitted' : 'held',
          })),
        ),
      ],
    )
    await insertWaits(
      tx,
      moves.flatMap(({ row, waitsIn }) => (waitsIn === null ? [] : [waitFor(row, waitsIn)])),
    )
  }
  await writeLanes(tx, locked)
}

/** Of each lane, who may be next: as many of each turn as there are places, round from the turn after the last. */
const CANDIDATES = `SELECT l.id AS lane, t.turn, w.execution_id AS id
  FROM lanes l
  CROSS JOIN LATERAL (SELECT greatest(0, coalesce(l.places, ${FAIR_PLACES}) - l.taken) AS free) f
  CROSS JOIN LATERAL (
    WITH RECURSIVE turns AS (
      SELECT l.last_turn AS turn, false AS wrapped, 0 AS n
      UNION ALL
      SELECT coalesce(a.turn, b.turn), t.wrapped OR a.turn IS NULL, t.n + 1
      FROM turns t
      LEFT JOIN LATERAL (SELECT w.turn FROM lane_waits w WHERE w.lane = l.id AND w.turn > t.turn ORDER BY w.turn LIMIT 1) a ON true
      LEFT JOIN LATERAL (SELECT w.turn FROM lane_waits w WHERE w.lane = l.id ORDER BY w.turn LIMIT 1) b ON a.turn IS NULL AND NOT t.wrapped
      WHERE t.n < f.free AND coalesce(a.turn, b.turn) IS NOT NULL
        AND (NOT (t.wrapped OR a.turn IS NULL) OR coalesce(a.turn, b.turn) <= l.last_turn))
    SELECT turn, n FROM turns WHERE n > 0) t
  CROSS JOIN LATERAL (
    SELECT w.execution_id, w.priority, w.rank FROM lane_waits w WHERE w.lane = l.id AND w.turn = t.turn
    ORDER BY w.priority, w.rank LIMIT f.free) w
  WHERE l.id = ANY($1) AND l.waiting > 0 ORDER BY l.id, t.n, w.priority, w.rank`

/**
 * Gives places that became free to those who wait for them.
 * @returns the executions that may run now, and the lanes to be asked for once more
 */
export const admitWaiting = (
  db: Database,
  laneIds: readonly string[],
): Promise<{ admitted: QueuedExecution[]; again: string[] }> =>
  db.system(async (tx) => {
    const candidates = await tx.rows<Waiting>(CANDIDATES, [laneIds])
    if (candidates.length === 0) return { admitted: [], again: [] }
    const ids = candidates.map(({ id }) => id)
    const rows = await tx.rows<WaitingRow & { status: string }>(
      `SELECT ${WAITING_COLUMNS}, status FROM executions WHERE id = ANY($1) ORDER BY id FOR UPDATE`,
      [ids],
    )
    const known = new Map(rows.map((row) => [row.id, row]))
    const locked = await lockAhead(
      tx,
      rows,
      candidates.map(({ lane }) => lane),
    )
    // Who was deleted with its workflow or customer waits for nothing.
    const gone = ids.filter((id) => !known.has(id))
    if (gone.length > 0) {
      const left = await tx.rows<{ lane: string }>(
        'DELETE FROM lane_waits WHERE execution_id = ANY($1) RETURNING lane',
        [gone],
      )
      for (const { lane: id } of left) {
        const lane = locked.lanes.get(id)
        if (lane !== undefined) lane.waiting = Math.max(0, lane.waiting - 1)
      }
    }
    const moves: Move[] = []
    for (const [id, waiting] of Map.groupBy(candidates, ({ lane }) => lane)) {
      const lane = locked.lanes.get(id)
      if (lane === undefined) continue
      const still = waiting.filter((one) => {
        const row = known.get(one.id)
        return row?.status === 'queued' && row.admission === 'held' && row.lanes[row.slots] === id
      })
      for (const chosen of nextInLane(still, room(lane))) {
        const row = known.get(chosen.id)
        if (row === undefined) continue
        lane.taken += 1
        lane.waiting = Math.max(0, lane.waiting - 1)
        lane.lastTurn = chosen.turn
        moves.push(move(locked.lanes, { ...row, slots: row.slots + 1 }))
      }
    }
    if (moves.length > 0)
      await tx.run('DELETE FROM lane_waits WHERE execution_id = ANY($1)', [moves.map(({ row }) => row.id)])
    await carryOut(tx, locked, moves)
    const free = [...locked.lanes.values()].filter((lane) => lane.waiting > 0 && room(lane) > 0)
    return {
      admitted: moves.filter(({ waitsIn }) => waitsIn === null).map(({ row }) => asJob(row)),
      again: moves.length > 0 || gone.length > 0 ? free.map(({ id }) => id) : [],
    }
  })

/** Lanes with free places in which somebody waits: whoever should have given them the places died before. */
export const lanesToServe = async (db: Database, limit: number): Promise<string[]> =>
  (
    await db.system((tx) =>
      tx.rows<{ id: string }>(
        `SELECT id FROM lanes WHERE waiting > 0 AND taken < coalesce(places, ${FAIR_PLACES}) ORDER BY id LIMIT $1`,
        [limit],
      ),
    )
  ).map(({ id }) => id)
