/** Limits that were changed, and counts that a deletion left wrong: see lanes.ts. */
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'
import { customerLane } from './lane-places.ts'
import { lockLanes } from './lane-rows.ts'
import { MAX_LIVE } from './lanes.ts'

/** Carries limits that were changed over to the lanes there are: of one customer, or of the whole organization. */
export const syncCustomerLanes = (tx: Tx, customerId: string | null) =>
  tx.run(
    `WITH locked AS (SELECT id, organization_id FROM lanes WHERE id LIKE 'c:%' AND ($1::text IS NULL OR id = 'c:' || $1) ORDER BY id FOR UPDATE)
     UPDATE lanes l SET places = coalesce(c.max_running, o.max_running_per_customer),
       starts_limit = coalesce(c.starts_per_minute, o.starts_per_minute_per_customer), starts_seconds = 60
     FROM locked JOIN organizations o ON o.id = locked.organization_id LEFT JOIN customers c ON locked.id = 'c:' || c.id
     WHERE l.id = locked.id`,
    [customerId],
  )

/** Is the customer's (or organization's own) backlog full? Read now and then where events come in. */
export const isBacklogFull = async (db: Database, customerOrOrganization: string): Promise<boolean> => {
  const row = await db.system((tx) =>
    tx.row<{ live: number }>('SELECT live FROM lanes WHERE id = $1', [customerLane(customerOrOrganization)]),
  )
  return (row?.live ?? 0) >= MAX_LIVE
}

/**
 * Counts anew what is in each lane, where a count is wrong: what was deleted with its workflow or customer gave back
 * nothing. Whoever changes an execution changes its lanes in the same transaction, so what is committed under the
 * lanes' locks is what they must say.
 * @returns the lanes that were wrong
 */
export const repairLanes = (db: Database): Promise<string[]> =>
  db.system(async (tx) => {
    const wrong = (await tx.rows<{ id: string }>(WRONG, [null])).map(({ id }) => id)
    if (wrong.length === 0) return []
    await lockLanes(tx, wrong)
    await tx.run(
      "DELETE FROM lane_waits w WHERE lane = ANY($1) AND NOT EXISTS (SELECT FROM executions e WHERE e.id = w.execution_id AND e.admission = 'held')",
      [wrong],
    )
    // Looked at once more: many were only being changed.
    const rows = await tx.rows<{ id: string; taken: number; waiting: number; live: number }>(WRONG, [wrong])
    if (rows.length === 0) return []
    await tx.run(
      `UPDATE lanes l SET taken = r.taken, waiting = r.waiting, live = r.live
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, taken integer, waiting integer, live integer) WHERE l.id = r.id`,
      [toJsonb(rows)],
    )
    return rows.map(({ id }) => id)
  })

const WRONG = `WITH under_way AS (
    SELECT id, lanes, slots FROM executions WHERE status IN ('queued', 'running', 'waiting') AND lanes <> '{}'),
  counted AS (
    SELECT lane AS id, count(*) FILTER (WHERE n <= slots)::int AS taken, count(*) FILTER (WHERE lane LIKE 'c:%')::int AS live
    FROM under_way, unnest(lanes) WITH ORDINALITY AS l(lane, n) GROUP BY lane),
  waits AS (SELECT lane AS id, count(*)::int AS waiting FROM lane_waits GROUP BY lane)
  SELECT l.id, coalesce(c.taken, 0) AS taken, coalesce(w.waiting, 0) AS waiting, coalesce(c.live, 0) AS live
  FROM lanes l LEFT JOIN counted c USING (id) LEFT JOIN waits w USING (id)
  WHERE ($1::text[] IS NULL OR l.id = ANY($1))
    AND (l.taken, l.waiting, l.live) IS DISTINCT FROM (coalesce(c.taken, 0), coalesce(w.waiting, 0), coalesce(c.live, 0))
  ORDER BY l.id`

/** Clears away lanes nobody is in and whose window of starts is over: keys come and go. */
export const deleteIdleLanes = (db: Database) =>
  db.system((tx) =>
    tx.run(
      `DELETE FROM lanes WHERE id IN (
         SELECT id FROM lanes WHERE taken = 0 AND waiting = 0 AND live = 0
           AND window_ms + coalesce(ceil(greatest(1, window_starts)::float8 / starts_limit), 0) * coalesce(starts_seconds, 0) * 1000
             < extract(epoch FROM now()) * 1000 - 60000
         ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
    ),
  )
