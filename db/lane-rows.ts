/** The rows of lanes and of those that wait in them, locked in one order: see lanes.ts. */
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'
import { inOrder, type Lane, turnIn } from './lane-places.ts'

export interface WantedLane {
  id: string
  organization_id: string
  places: number | null
  starts_limit: number | null
  starts_seconds: number | null
}

const SELECT = `SELECT id, places, taken, waiting, live, starts_limit AS "startsLimit", starts_seconds AS "startsSeconds",
  window_ms AS "windowMs", window_starts AS "windowStarts", last_turn AS "lastTurn",
  extract(epoch FROM clock_timestamp())::float8 * 1000 AS "nowMs"
  FROM lanes WHERE id = ANY($1) ORDER BY id FOR UPDATE`

export interface Locked {
  lanes: Map<string, Lane>
  /** The database's time when the locks were had, in milliseconds since 1970. */
  nowMs: number
}

export async function lockLanes(tx: Tx, ids: readonly string[]): Promise<Locked> {
  const rows = await tx.rows<Lane & { nowMs: number }>(SELECT, [ids])
  const nowMs = rows.reduce((latest, row) => Math.max(latest, row.nowMs), 0)
  return { lanes: new Map(rows.map(({ nowMs: _, ...lane }) => [lane.id, lane])), nowMs }
}

export const insertLanes = (tx: Tx, lanes: readonly WantedLane[]) =>
  tx.run(
    `INSERT INTO lanes (id, organization_id, places, starts_limit, starts_seconds)
       SELECT w.id, w.organization_id,
         CASE WHEN s.own THEN coalesce(c.max_running, o.max_running_per_customer) ELSE w.places END,
         CASE WHEN s.own THEN coalesce(c.starts_per_minute, o.starts_per_minute_per_customer) ELSE w.starts_limit END,
         CASE WHEN s.own THEN 60 ELSE w.starts_seconds END
       FROM jsonb_to_recordset($1::jsonb) AS w(id text, organization_id text, places integer, starts_limit integer, starts_seconds integer)
       JOIN organizations o ON o.id = w.organization_id
       CROSS JOIN LATERAL (SELECT w.id LIKE 'c:%' AS own) s
       LEFT JOIN customers c ON s.own AND c.id = substr(w.id, 3)
       ORDER BY w.id ON CONFLICT (id) DO NOTHING`,
    [toJsonb(lanes)],
  )

/** The same, with those made that are not there yet; limits given of workflows and triggers are taken over. */
export async function lockWanted(tx: Tx, wanted: ReadonlyMap<string, WantedLane>): Promise<Locked> {
  const ids = [...wanted.keys()]
  let locked = await lockLanes(tx, ids)
  const missing = [...wanted.values()].filter(({ id }) => !locked.lanes.has(id))
  if (missing.length > 0) {
    await insertLanes(tx, missing)
    locked = await lockLanes(tx, ids)
  }
  for (const [id, { places, starts_limit, starts_seconds }] of wanted) {
    const lane = locked.lanes.get(id)
    if (lane === undefined || id.startsWith('c:')) continue
    lane.places = places
    lane.startsLimit = starts_limit
    lane.startsSeconds = starts_seconds
  }
  return locked
}

export const writeLanes = (tx: Tx, { lanes }: Locked) =>
  tx.run(
    `UPDATE lanes l SET places = r.places, taken = r.taken, waiting = r.waiting, live = r.live, starts_limit = r."startsLimit",
       starts_seconds = r."startsSeconds", window_ms = r."windowMs", window_starts = r."windowStarts", last_turn = r."lastTurn"
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, places integer, taken integer, waiting integer, live integer, "startsLimit" integer,
       "startsSeconds" integer, "windowMs" float8, "windowStarts" integer, "lastTurn" text)
     WHERE l.id = r.id`,
    [toJsonb([...lanes.values()])],
  )

export interface NewWait {
  execution_id: string
  organization_id: string
  lane: string
  turn: string
  priority: number
  /** Null: by arrival. */
  rank: string | null
}

export const insertWaits = async (tx: Tx, waits: readonly NewWait[]): Promise<void> => {
  if (waits.length === 0) return
  await tx.run(
    `INSERT INTO lane_waits (execution_id, organization_id, lane, turn, priority, rank)
     SELECT execution_id, organization_id, lane, turn, priority, coalesce(rank, to_char(nextval('lane_arrivals'), 'FM0000000000000000000'))
     FROM (SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (execution_id text, organization_id text, lane text, turn text,
       priority smallint, rank text)) WITH ORDINALITY ORDER BY ordinality) r`,
    [toJsonb(waits)],
  )
}

export interface Traveller {
  id: string
  organization_id: string
  customer_id: string | null
  priority: number
}

export const waitFor = (execution: Traveller, lane: string): NewWait => ({
  execution_id: execution.id,
  organization_id: execution.organization_id,
  lane,
  turn: turnIn(lane, execution.customer_id ?? execution.organization_id),
  priority: inOrder(lane) ? 0 : execution.priority,
  rank: inOrder(lane) ? null : execution.id,
})
