/**
 * Who gets a place in which lane: plain functions over what the tables say, for db/lanes.ts to read and write under
 * the locks of the lanes. An execution takes a place in each of its lanes in order and may run when it has all.
 */
import type { Concurrency } from './executions.ts'

/** Executions of one customer that may be with the workers at once unless it has a limit of its own: its share. */
export const FAIR_PLACES = 200

export interface Lane {
  id: string
  /** Null: none was set. */
  places: number | null
  taken: number
  waiting: number
  live: number
  startsLimit: number | null
  startsSeconds: number | null
  /** The window that is filled now, in milliseconds since 1970. */
  windowMs: number
  windowStarts: number
  lastTurn: string
}

export interface Passing {
  id: string
  lanes: readonly string[]
  /** How many of its lanes, from the first on, it has a place in. */
  slots: number
}

/** What counts against everything a customer runs, a workflow's runs by key, a trigger's in their order. */
export const customerLane = (customerOrOrganization: string) => `c:${customerOrOrganization}`
export const workflowLane = (
  workflow: string,
  environment: string,
  { key, hold, owner }: Pick<Concurrency, 'key' | 'hold'> & { owner: string },
) => {
  // Somebody's runs that sleep and wait hold up nobody else's.
  const kind = hold === 'until_ended' ? `wk:${owner}` : 'w'
  return `${kind}:${workflow}:${environment}${key === null ? '' : `:${key}`}`
}
export const triggerLane = (trigger: string) => `t:${trigger}`
/** Counts the starts of a workflow; has no places. */
export const startsLane = (workflow: string, environment: string) => `r:${workflow}:${environment}`

const isTriggerLane = (id: string) => id.startsWith('t:')
const isCustomerLane = (id: string) => id.startsWith('c:')
const isHeldUntilEnded = (id: string) => isTriggerLane(id) || id.startsWith('wk:')

/**
 * An execution that waits or is tried again later keeps its trigger's place, for order, and its workflow's where that is
 * held until it has ended; others may have the rest. Of lanes in their order: what is not kept comes last.
 */
export const keptSlots = (lanes: readonly string[]): number => {
  const free = lanes.findIndex((id) => !isHeldUntilEnded(id))
  return free === -1 ? lanes.length : free
}

export const placesOf = (lane: Lane): number => lane.places ?? FAIR_PLACES

export const room = (lane: Lane): number => Math.max(0, placesOf(lane) - lane.taken)

/** Whose turn it is in the lane: customers share those of workflows. */
export const turnIn = (lane: string, owner: string): string => (lane.startsWith('w:') ? owner : '')

/** Does arrival decide who is next, rather than priority and age? */
export const inOrder = isTriggerLane

const laneOf = (lanes: ReadonlyMap<string, Lane>, id: string): Lane => {
  const lane = lanes.get(id)
  if (lane === undefined) throw new Error(`the lane '${id}' was not locked`)
  return lane
}

/**
 * Takes the places an execution can have now; changes the lanes.
 * @returns how many lanes it has a place in, and the one it must wait in; null: it has all its places
 */
export function pass(
  lanes: ReadonlyMap<string, Lane>,
  execution: Passing,
): { slots: number; waitsIn: string | null } {
  let { slots } = execution
  for (const id of execution.lanes.slice(slots)) {
    const lane = laneOf(lanes, id)
    // Nobody overtakes those who wait: whoever gives the places that become free chooses among all.
    if (lane.waiting > 0 || room(lane) === 0) {
      lane.waiting += 1
      return { slots, waitsIn: id }
    }
    lane.taken += 1
    slots += 1
  }
  return { slots, waitsIn: null }
}

/**
 * Takes all places at once for an execution that a caller waits for; changes the lanes only if it can have all.
 * A customer's share does not hold it back, only a limit that was set.
 * @returns the lane that has no place; undefined: it has all
 */
export function passAtOnce(lanes: ReadonlyMap<string, Lane>, wanted: readonly string[]): Lane | undefined {
  const mine = wanted.map((id) => laneOf(lanes, id))
  const full = mine.find((lane) =>
    isCustomerLane(lane.id) ? lane.places !== null && room(lane) === 0 : lane.waiting > 0 || room(lane) === 0,
  )
  if (full === undefined) for (const lane of mine) lane.taken += 1
  return full
}

export interface Waiting {
  id: string
  lane: string
  turn: string
}

/**
 * Who of those that wait in a lane comes next, round among the turns from the one after the last served.
 * @param waiting of each turn in order; turns in the order in which they are served
 */
export function nextInLane(waiting: readonly Waiting[], places: number): Waiting[] {
  const byTurn = Map.groupBy(waiting, ({ turn }) => turn)
  const chosen: Waiting[] = []
  for (let round = 0; chosen.length < places; round += 1) {
    const of = [...byTurn.values()].flatMap((queue) => queue[round] ?? [])
    if (of.length === 0) break
    chosen.push(...of.slice(0, places - chosen.length))
  }
  return chosen
}

/**
 * Counts a start against the lane's rate; changes the lane. What comes over the limit gets its start in the next
 * window that has one left, in the order of asking.
 * @returns milliseconds until it may start
 */
export function reserveStart(lane: Lane, nowMs: number): number {
  const { startsLimit: limit, startsSeconds: seconds } = lane
  if (limit === null || seconds === null) return 0
  const windowMs = seconds * 1000
  // Reservations reach as far ahead as they fill windows; the last of those is over before a new count begins.
  const filledUntil = lane.windowMs + Math.ceil(Math.max(1, lane.windowStarts) / limit) * windowMs
  if (nowMs >= filledUntil) {
    lane.windowMs = nowMs
    lane.windowStarts = 0
  }
  const startsAt = lane.windowMs + Math.floor(lane.windowStarts / limit) * windowMs
  lane.windowStarts += 1
  return Math.max(0, startsAt - nowMs)
}

/** Milliseconds until the lane's rate allows a start; nothing is counted. */
export const startDelay = (lane: Lane, nowMs: number): number => reserveStart({ ...lane }, nowMs)
