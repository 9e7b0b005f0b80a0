/**
 * How long a run may go on without word that it still has its execution: well below what others wait before they take
 * a silent worker's executions (the sweeper's SILENT_MS).
 */
export const LEASE_MS = 10_000

/** A point in time, by both clocks: one may be set back, the other may stand still while the machine sleeps. */
export interface Moment {
  wall: number
  steady: number
}

export const moment = (): Moment => ({ wall: Date.now(), steady: performance.now() })

/** Milliseconds since then, by the clock that shows more. */
export const elapsedMs = ({ wall, steady }: Moment): number =>
  Math.max(Date.now() - wall, performance.now() - steady)

/** A run's hold on its execution, as far as this process may trust it without asking the database. */
export interface Lease {
  /** The database said so; `at` is when it was asked. */
  confirm(at: Moment): void
  holds(): boolean
}

export function buildLease(at: Moment): Lease {
  let confirmed = at
  return {
    confirm: (later) => {
      if (later.steady > confirmed.steady) confirmed = later
    },
    holds: () => elapsedMs(confirmed) < LEASE_MS,
  }
}
