import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import type { Json } from '../../core/json.ts'
import { listEnvironments } from '../../db/organizations.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { ExecutionRef, requireExecution } from './execution.ts'
import { ByEnvironment } from './filters.ts'

export const sendEvent = defineTool({
  name: 'send_event',
  title: 'Send an event to waiting executions',
  description:
    'Hands an event to executions that wait for it with ctx.wait.event(name, {key}); they go on at once. With `execution`, only that one gets it, and finds it later should it not wait yet; without, all that wait for this name and key.',
  input: z.object({
    name: z.string().min(1).max(200).describe('The name waited for, e.g. invoice.paid.'),
    key: z
      .string()
      .max(500)
      .nullable()
      .default(null)
      .describe('The key waited for, e.g. an invoice number; null: waits without a key.'),
    execution: ExecutionRef.nullable().default(null).describe('Only this execution (exec_…).'),
    environment: ByEnvironment,
    payload: z.unknown().default(null).describe('What ctx.wait.event gives: any JSON.'),
  }),
  output: z.object({ received: z.array(z.string()).describe('Ids of the executions that got it.') }),
  permission: 'workflows.execute',
  effect: 'write',
  http: 'POST /events/send',
  resource: (input) => input.execution ?? undefined,
  async run(context, input) {
    const { name, key, execution: executionId, environment } = input
    const payload = (input.payload ?? null) as Json
    const environments = await context.read(async (tx) => {
      const one = executionId === null ? environment : (await requireExecution(tx, executionId)).environment
      if (one !== null) return [(await requireEnvironmentFor(tx, context.actor, one, 'send events to')).slug]
      if (context.actor.mode === 'live') return null
      // A test key reaches what is not production.
      return (await listEnvironments(tx)).flatMap(({ slug, production }) => (production ? [] : [slug]))
    })
    return {
      received: await context.services.executions.sendEvent(scopeOf(context.actor), {
        name,
        key,
        executionId,
        payload,
        environments,
      }),
    }
  },
})
