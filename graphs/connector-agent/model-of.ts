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
