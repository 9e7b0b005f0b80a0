import type { RunModel } from '../../agents/models/models.ts'
import { toAppError } from '../../core/errors.ts'
import type { RunContext } from '../frame/define-agent.ts'

/** The run's model; undefined when there is none: these agents do all they can without. */
export function modelOf(run: Pick<RunContext, 'model'>): RunModel | undefined {
  try {
    return run.model()
  } catch (cause) {
    if (toAppError(cause).code === 'unavailable') return undefined
    throw cause
  }
}

/**
 * What a model adds to work that is done without one too: where it fails, the run says so and goes on without. Budgets and
 * cancelling end the run all the same.
 */
export async function withoutWhereItFails<T>(
  run: RunContext,
  what: string,
  ask: () => Promise<T>,
  without: T,
): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const { code, message } = toAppError(cause)
    if (run.signal.aborted || code !== 'upstream_error') throw cause
    await run.message(`${what}: the model failed, and the run goes on without it. ${message}`)
    return without
  }
}
