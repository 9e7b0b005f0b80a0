import { AppError } from '../../core/errors.ts'

/** Why this process stopped working on a run. */
export type Stop = 'canceled' | 'lost' | 'draining' | AppError

/** Another process has the run now: whatever this one still does about it must not be written. */
export class ClaimLost extends Error {
  override name = 'ClaimLost'
}

/** @param held the row the claim was found on */
export function requireHeld<T>(held: T | undefined): T {
  if (held === undefined) throw new ClaimLost('The run is in other hands.')
  return held
}

/** What a node is told when the run was stopped under it. */
export const stopped = (stop: Stop): AppError =>
  stop instanceof AppError ? stop : new AppError('cancelled', 'The run was stopped.')
