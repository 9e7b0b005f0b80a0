/**
 * Lanes: what bounds how many executions run at once, exactly, however many processes start and end them. Every
 * count changes under its row's lock, in the transaction that changes the execution. Locks are taken in one order
 * everywhere: executions first, then lanes, each by id.
 */
import { AppError } from '../core/errors.ts'
import type { Tx } from './database.ts'
import type { Concurrency } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import {
  customerLane,
  FAIR_PLACES,
  type Lane,
  pass,
  passAtOnce,
  placesOf,
  reserveStart,
  startDelay,
  startsLane,
  triggerLane,
  workflowLane,
} from './lane-places.ts'
import { insertWaits, lockWanted, type NewWait, type WantedLane, waitFor, writeLanes } from './lane-rows.ts'
import type { NewExecution } from './new-executions.ts'

/** Limits of a workflow and its trigger that come with a new execution. */
export interface RunLimits {
  /** At most so many at once; `key` tells apart what does not count together; `hold` says for how long one counts. */
  concurrency?: Concurrency | null
  /** At most so many starts in so many seconds. */
  starts?: { limit: number; seconds: number } | null
  /** One at a time for its trigger, in the order they came. */
  sequential?: boolean
}

/** Executions of one customer that have not ended; more are refused. */
export const MAX_LIVE = 250_000

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
      want(
        workflowLane(execution.workflow_id, execution.environment, {
          ...concurrency,
          owner: execution.customer_id ?? organization_id,
        }),
        concurrency.limit,
      ),
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
