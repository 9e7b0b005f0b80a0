/**
 * Lanes: what bounds how many executions run at once, exactly, however many processes start and end them. Every
 * count changes under its row's lock, in the transaction that changes the execution. Locks are taken in one order
 * everywhere: executions first, then lanes, each by id.
 */
import { AppError } from '../core/errors.ts'
import type { Database, Tx } from './database.ts'
import type { QueuedExecution } from './execution-queue.ts'
import type { NewExecution, Tier } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import {
  customerLane,
  FAIR_PLACES,
  inOrder,
  type Lane,
  nextInLane,
  pass,
  passAtOnce,
  placesOf,
  reserveStart,
  room,
  startDelay,
  startsLane,
  triggerLane,
  turnIn,
  type Waiting,
  workflowLane,
} from './lane-places.ts'

/** Limits of a workflow and its trigger that come with a new execution. */
export interface RunLimits {
  /** At most so many at once; `key` tells apart what does not count together. */
  concurrency?: { limit: number; key: string | null } | null
  /** At most so many starts in so many seconds. */
  starts?: { limit: number; seconds: number } | null
  /** One at a time for its trigger, in the order they came. */
  sequential?: boolean
}

/** Executions of one customer that have not ended; more are refused. */
export const MAX_LIVE = 250_000

interface WantedLane {
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

interface Locked {
  lanes: Map<string, Lane>
  /** The database's time when the locks were had, in milliseconds since 1970. */
  nowMs: number
}

async function lockLanes(tx: Tx, ids: readonly string[]): Promise<Locked> {
  const rows = await tx.rows<Lane & { nowMs: number }>(SELECT, [ids])
  const nowMs = rows.reduce((latest, row) => Math.max(latest, row.nowMs), 0)
  return { lanes: new Map(rows.map(({ nowMs: _, ...lane }) => [lane.id, lane])), nowMs }
}

const insertLanes = (tx: Tx, lanes: readonly WantedLane[]) =>
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
async function lockWanted(tx: Tx, wanted: ReadonlyMap<string, WantedLane>): Promise<Locked> {
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

const writeLanes = (tx: Tx, { lanes }: Locked) =>
  tx.run(
    `UPDATE lanes l SET places = r.places, taken = r.taken, waiting = r.waiting, live = r.live, starts_limit = r."startsLimit",
       starts_seconds = r."startsSeconds", window_ms = r."windowMs", window_starts = r."windowStarts", last_turn = r."lastTurn"
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, places integer, taken integer, waiting integer, live integer, "startsLimit" integer,
       "startsSeconds" integer, "windowMs" float8, "windowStarts" integer, "lastTurn" text)
     WHERE l.id = r.id`,
    [toJsonb([...lanes.values()])],
  )

interface NewWait {
  execution_id: string
  organization_id: string
  lane: string
  turn: string
  priority: number
  /** Null: by arrival. */
  rank: string | null
}

const insertWaits = async (tx: Tx, waits: readonly NewWait[]): Promise<void> => {
  if (waits.length === 0) return
  await tx.run(
    `INSERT INTO lane_waits (execution_id, organization_id, lane, turn, priority, rank)
     SELECT execution_id, organization_id, lane, turn, priority, coalesce(rank, to_char(nextval('lane_arrivals'), 'FM0000000000000000000'))
     FROM (SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (execution_id text, organization_id text, lane text, turn text,
       priority smallint, rank text)) WITH ORDINALITY ORDER BY ordinality) r`,
    [toJsonb(waits)],
  )
}

interface Traveller {
  id: string
  organization_id: string
  customer_id: string | null
  priority: number
}

const waitFor = (execution: Traveller, lane: string): NewWait => ({
  execution_id: execution.id,
  organization_id: execution.organization_id,
  lane,
  turn: turnIn(lane, execution.customer_id ?? execution.organization_id),
  priority: inOrder(lane) ? 0 : execution.priority,
  rank: inOrder(lane) ? null : execution.id,
})

/** Where a new execution stands. */
export interface Place {
  lanes: string[]
  slots: number
  admission: 'later' | 'held' | 'admitted'
  delay_ms: number
}

/** Why an execution that starts running may not now: `limit_exceeded`. */
export interface Refusal {
  refused: AppError
}

/**
 * Gives new executions their places, as far as there are any, in the caller's transaction; those without wait. An
 * execution that starts running gets all at once or is refused. One called by another runs in its caller's place.
 */
export async function takePlaces(
  tx: Tx,
  executions: readonly (NewExecution & { priority: number })[],
): Promise<(Place | Refusal)[]> {
  const wanted = new Map<string, WantedLane>()
  const counted: string[][] = []
  const paths = executions.map((execution) => {
    const { path, starts } = lanesOf(execution, wanted)
    counted.push(starts)
    return path
  })
  if (wanted.size === 0)
    return executions.map(() => ({ lanes: [], slots: 0, admission: 'admitted', delay_ms: 0 }))
  const locked = await lockWanted(tx, wanted)
  const waits: NewWait[] = []
  const places = executions.map((execution, index): Place | Refusal => {
    const lanes = paths[index] ?? []
    const rates = (counted[index] ?? []).flatMap((id) => locked.lanes.get(id) ?? [])
    const own = lanes.at(-1)
    const customer = own?.startsWith('c:') === true ? locked.lanes.get(own) : undefined
    // Events and schedules are bounded where they come in; what people and workflows start is refused here.
    if (customer !== undefined && customer.live >= MAX_LIVE && execution.trigger_id === null)
      return { refused: tooMany() }
    if (execution.status === 'running') {
      const early = tooEarly(rates, locked.nowMs)
      if (early !== undefined) return { refused: early }
      const full = passAtOnce(locked.lanes, lanes)
      if (full !== undefined) return { refused: noPlace(full) }
    }
    if (customer !== undefined) customer.live += 1
    if (execution.status === 'running') {
      for (const rate of rates) reserveStart(rate, locked.nowMs)
      return { lanes, slots: lanes.length, admission: 'admitted', delay_ms: 0 }
    }
    const delay = Math.max(0, ...rates.map((rate) => reserveStart(rate, locked.nowMs)))
    if (delay > 0) return { lanes, slots: 0, admission: 'later', delay_ms: delay }
    const { slots, waitsIn } = pass(locked.lanes, { id: execution.id, lanes, slots: 0 })
    if (waitsIn !== null) waits.push(waitFor(execution, waitsIn))
    return { lanes, slots, admission: waitsIn === null ? 'admitted' : 'held', delay_ms: 0 }
  })
  await insertWaits(tx, waits)
  await writeLanes(tx, locked)
  return places
}

/** The lanes a new execution passes, in order, and those that count its start; they are added to what is wanted. */
function lanesOf(
  execution: NewExecution,
  wanted: Map<string, WantedLane>,
): { path: string[]; starts: string[] } {
  const { organization_id, concurrency, starts } = execution
  const want = (id: string, places: number | null, rate?: { limit: number; seconds: number }) => {
    wanted.set(id, {
      id,
      organization_id,
      places,
      starts_limit: rate?.limit ?? null,
      starts_seconds: rate?.seconds ?? null,
    })
    return id
  }
  const path: string[] = []
  const counted: string[] = []
  if (starts) counted.push(want(startsLane(execution.workflow_id, execution.environment), null, starts))
  if (execution.sequential === true && execution.trigger_id !== null && execution.status === 'queued')
    path.push(want(triggerLane(execution.trigger_id), 1))
  if (concurrency)
    path.push(
      want(workflowLane(execution.workflow_id, execution.environment, concurrency.key), concurrency.limit),
    )
  if (execution.parent_execution_id === null || execution.status === 'queued') {
    const own = want(customerLane(execution.customer_id ?? organization_id), null)
    path.push(own)
    counted.push(own)
  }
  return { path, starts: counted }
}

function tooEarly(rates: readonly Lane[], nowMs: number): AppError | undefined {
  const wait = Math.max(0, ...rates.map((lane) => startDelay(lane, nowMs)))
  if (wait === 0) return undefined
  return new AppError(
    'limit_exceeded',
    'This workflow, or this customer, has started as often as it may for now.',
    {
      hint: 'Wait as long as retryAfterSeconds says. Runs that nobody waits for (tier standard or long) are delayed instead.',
      retryAfterSeconds: Math.ceil(wait / 1000),
    },
  )
}

/** A customer has more waiting than will run in any time: a workflow that starts itself twice, say. */
export const tooMany = () =>
  new AppError(
    'limit_exceeded',
    `This customer has ${MAX_LIVE} executions that have not ended: no more are taken.`,
    {
      hint: 'Find what starts so many (list_executions shows who started them): a workflow that starts itself more than once grows without end. Cancel them, or wait until some have ended.',
      retryAfterSeconds: 60,
    },
  )

const noPlace = (lane: Lane) =>
  new AppError(
    'limit_exceeded',
    lane.id.startsWith('c:')
      ? `This customer has ${placesOf(lane)} executions under way, as many as it may.`
      : `This workflow has ${placesOf(lane)} executions under way, as many as it may at once.`,
    {
      hint: 'Try again when one has ended. Runs that nobody waits for (tier standard or long) wait for their turn instead.',
      retryAfterSeconds: 1,
    },
  )

/** Places an execution gives back. */
export interface Leaving {
  /** Lanes it has a place in. */
  taken: readonly string[]
  /** The lane it waits in. */
  waited: string | null
  /** The customer's lane of one that has ended. */
  ended: string | null
}

/**
 * Gives places back, in the transaction that ends the executions or puts them aside; their rows are locked by it.
 * @returns the lanes in which others wait: {@link admitWaiting} is to be called for them once this is committed
 */
export async function leaveLanes(tx: Tx, leaving: readonly Leaving[]): Promise<string[]> {
  const changes = new Map<string, { id: string; taken: number; waiting: number; live: number }>()
  const change = (id: string, what: 'taken' | 'waiting' | 'live') => {
    const of = changes.get(id) ?? { id, taken: 0, waiting: 0, live: 0 }
    of[what] += 1
    changes.set(id, of)
  }
  for (const { taken, waited, ended } of leaving) {
    for (const id of taken) change(id, 'taken')
    if (waited !== null) change(waited, 'waiting')
    if (ended !== null) change(ended, 'live')
  }
  if (changes.size === 0) return []
  const rows = await tx.rows<Pick<Lane, 'id' | 'places' | 'taken' | 'waiting'>>(
    `WITH locked AS (SELECT id FROM lanes WHERE id = ANY($1) ORDER BY id FOR UPDATE)
     UPDATE lanes l SET taken = greatest(0, l.taken - c.taken), waiting = greatest(0, l.waiting - c.waiting), live = greatest(0, l.live - c.live)
     FROM locked JOIN jsonb_to_recordset($2::jsonb) AS c(id text, taken integer, waiting integer, live integer) USING (id)
     WHERE l.id = locked.id RETURNING l.id, l.places, l.taken, l.waiting`,
    [[...changes.keys()], toJsonb([...changes.values()])],
  )
  return rows.filter(isToBeServed).map(({ id }) => id)
}

/**
 * A place that was counted out is given on at once. Of a customer's share the next are taken many at a time, when
 * half of it is free: workers still have the other half to do meanwhile, and each costs a fraction of a transaction.
 */
const isToBeServed = ({ places, taken, waiting }: Pick<Lane, 'places' | 'taken' | 'waiting'>): boolean =>
  waiting > 0 && (places !== null || taken <= FAIR_PLACES / 2)

/** An execution that was cancelled before it ran: gives back what it has. Gives the lanes as {@link leaveLanes}. */
export async function leaveQueue(
  tx: Tx,
  execution: { id: string; lanes: readonly string[]; slots: number; admission: Place['admission'] },
): Promise<string[]> {
  const { lanes, slots, admission } = execution
  const own = lanes.at(-1)
  const freed = await leaveLanes(tx, [
    {
      taken: lanes.slice(0, slots),
      waited: admission === 'held' ? (lanes[slots] ?? null) : null,
      ended: own?.startsWith('c:') === true ? own : null,
    },
  ])
  if (admission === 'held') await tx.run('DELETE FROM lane_waits WHERE execution_id = $1', [execution.id])
  return freed
}

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
