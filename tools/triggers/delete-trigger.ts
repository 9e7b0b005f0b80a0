import { z } from 'zod'
import { deleteTrigger as removeTrigger } from '../../db/triggers.ts'
import { defineTool } from '../define-tool.ts'
import { noTrigger, TriggerRef } from './trigger.ts'

export const deleteTrigger = defineTool({
  name: 'delete_trigger',
  title: 'Delete a trigger',
  description:
    'Deletes a trigger with its routes and secret; its URL stops answering. Its events and executions stay. To only pause it, use update_trigger with enabled false.',
  input: z.object({ trigger: TriggerRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the trigger had.') }),
  permission: 'workflows.update',
  effect: 'destructive',
  http: 'DELETE /triggers/:trigger',
  resource: (input) => input.trigger,
  async run(context, input) {
    const deleted = await context.transaction((tx) => removeTrigger(tx, input.trigger))
    if (deleted === 0) throw noTrigger(input.trigger)
    return { deleted: true as const, id: input.trigger }
  },
})
