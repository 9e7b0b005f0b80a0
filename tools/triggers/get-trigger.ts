import { z } from 'zod'
import { getTrigger as findTrigger } from '../../db/triggers.ts'
import { defineTool } from '../define-tool.ts'
import { noTrigger, Trigger, TriggerRef, toTrigger } from './trigger.ts'

export const getTrigger = defineTool({
  name: 'get_trigger',
  title: 'Get a trigger',
  description: 'A trigger with its URL, how deliveries are verified and deduplicated, and its routes.',
  input: z.object({ trigger: TriggerRef }),
  output: z.object({ trigger: Trigger }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /triggers/:trigger',
  async run(context, input) {
    const row = await context.read((tx) => findTrigger(tx, input.trigger))
    if (row === undefined) throw noTrigger(input.trigger)
    return { trigger: toTrigger(row, context.services.publicUrl()) }
  },
})
