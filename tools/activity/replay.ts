import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import type { ToolContext } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { requireExecution, toExecutionSummary } from './execution.ts'

export const ReplayVersion = z
  .enum(['same', 'newest'])
  .default('newest')
  .describe('newest: the version deployed there now (the fixed one); same: the version that ran before.')

export const ReplayFrom = z
  .enum(['start', 'failed_step'])
  .default('start')
  .describe(
    'start: everything is done again. failed_step: calls and steps recorded as done are taken as done (list_execution_steps shows them), and it goes on from there.',
  )

/**
 * Runs an ended execution's input again in its environment.
 * @throws AppError `not_found`, `conflict`; `forbidden` for a test key and an execution in production
 */
export async function replay(
  context: ToolContext,
  executionId: string,
  version: 'same' | 'newest',
  options?: { pendingDeadLetter?: boolean; once?: boolean; from?: 'start' | 'failed_step' },
) {
  const { actor, services } = context
  await context.read(async (tx) => {
    const { environment } = await requireExecution(tx, executionId)
    await requireEnvironmentFor(tx, actor, environment, 'run workflows in')
  })
  const started = await services.executions.replay(scopeOf(actor), executionId, version, {
    ...options,
    transaction: context.kept ? context.transaction : undefined,
  })
  return toExecutionSummary(await context.read((tx) => requireExecution(tx, started.id)))
}
