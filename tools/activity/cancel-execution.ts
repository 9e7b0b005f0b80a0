import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { ExecutionRef, ExecutionSummary, requireExecution, toExecutionSummary } from './execution.ts'

export const cancelExecution = defineTool({
  name: 'cancel_execution',
  title: 'Cancel an execution',
  description:
    'Stops a run: a queued one never starts, a running one is interrupted within seconds (it may still read running in the answer). What it did so far stays done; workflows it called and waits for are cancelled with it. One that has ended cannot be cancelled.',
  input: z.object({ execution: ExecutionRef }),
  output: z.object({ execution: ExecutionSummary }),
  permission: 'workflows.execute',
  effect: 'destructive',
  http: 'POST /executions/:execution/cancel',
  resource: (input) => input.execution,
  async run(context, input) {
    await context.read(async (tx) => {
      const { environment } = await requireExecution(tx, input.execution)
      await requireEnvironmentFor(tx, context.actor, environment, 'cancel executions in')
    })
    await context.services.executions.cancel(scopeOf(context.actor), input.execution)
    const row = await context.read((tx) => requireExecution(tx, input.execution))
    return { execution: toExecutionSummary(row) }
  },
})
