import type { Tier } from '../../db/executions.ts'

const MINUTE_MS = 60_000

/** The longest a run of each tier may take. Time it waits (sleeps, events, approvals) does not count. */
export const MAX_TIMEOUT_MS: Readonly<Record<Tier, number>> = {
  instant: MINUTE_MS,
  standard: 15 * MINUTE_MS,
  long: 36 * 60 * MINUTE_MS,
}

/** Where an execution that takes too long goes on, if its workflow escalates; undefined: nowhere. */
export const nextTier: Readonly<Partial<Record<Tier, Tier>>> = { instant: 'standard', standard: 'long' }
