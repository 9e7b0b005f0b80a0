import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { noTrigger, requireTriggerLocked, TriggerRef } from './trigger.ts'

export const runScheduler = defineTool({
  name: 'run_scheduler',
  title: 'Run a scheduler now',
  description:
    'Starts the runs of a scheduler now, besides its timetable: real executions with the payloads of its routes. Its next time stays as it is.',
  input: z.object({ trigger: TriggerRef }),
  output: z.object({
    eventId: z.string().describe('evt_…'),
    executionIds: z.array(z.string()).describe('get_execution shows how each goes.'),
  }),
  permission: 'workflows.execute',
  effect: 'write',
  http: 'POST /triggers/:trigger/run',
  successStatus: 202,
  resource: (input) => input.trigger,
  async run(context, input) {
    // Seen and allowed by this actor, which the runtime then does not ask again.
    await context.transaction(async (tx) => {
      const row = await requireTriggerLocked(tx, context.actor, input.trigger)
      if (row.type !== 'scheduler') throw noTrigger(input.trigger)
    })
    return context.services.schedules.runNow(input.trigger)
  },
})
