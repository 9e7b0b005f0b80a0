import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { Workflow } from '../workflows/workflow.ts'
import { flowCode } from './flow-code.ts'

const MAX_STEPS = 50

const FlowSpec = z.object({
  name: z.string().trim().min(1).max(200).describe('What the flow is called.'),
  description: z.string().max(5_000).default('').describe('What it is for.'),
  trigger: z
    .object({
      type: z.enum(['webhook', 'schedule', 'app_event', 'manual']).describe('What starts it.'),
      source: z
        .string()
        .optional()
        .describe('The app the event comes from, or the cron expression of a schedule.'),
      event: z.string().optional().describe('The event’s name.'),
    })
    .default({ type: 'manual' })
    .describe('What starts the flow. It is recorded; `next` says how to set it up.'),
  steps: z
    .array(
      z.object({
        name: z
          .string()
          .trim()
          .min(1)
          .max(100)
          .describe('Unique; later steps refer to {{steps.<name>.output}}.'),
        type: z
          .enum(['action', 'transform', 'filter'])
          .default('action')
          .describe(
            'action runs one; transform makes a value of its mapping; filter stops unless mapping.condition holds.',
          ),
        connector: z.string().optional().describe('action: the connector’s slug.'),
        action: z.string().optional().describe('action: the action’s slug.'),
        mapping: z
          .record(z.string(), z.unknown())
          .default({})
          .describe(
            'The step’s input: values, with {{trigger.…}} and {{steps.<name>.output.…}} for what comes from before.',
          ),
      }),
    )
    .min(1)
    .max(MAX_STEPS)
    .describe('What it does, in order.'),
})

export const createFlow = defineTool({
  name: 'create_flow',
  title: 'Create a flow',
  description:
    'Makes a draft workflow of a list of steps: readable code that calls the named actions in order with mapped values. Nothing runs until it is published and deployed; `next` says how.',
  input: z.object({
    spec: FlowSpec.describe('The flow.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe(
        'Customer it is made for. Workflows belong to the organization; the customer is named in `next`.',
      ),
  }),
  output: z.object({
    workflow: Workflow,
    code: z.string().describe('The draft’s code; change it with update_workflow.'),
    next: z.array(z.string()).describe('What to do to let it run.'),
  }),
  permission: 'workflows.create',
  effect: 'write',
  http: 'POST /gateway/flows',
  successStatus: 201,
  async run(context, { spec, customer }) {
    const { catalog } = context.services
    const caller = { actor: context.actor, signal: context.signal }
    const code = flowCode(spec)
    const checked = await catalog.call('validate_workflow', { code }, caller)
    if (checked.valid !== true) {
      const issues = z
        .array(z.object({ message: z.string(), hint: z.string().nullable() }))
        .parse(checked.issues)
      throw invalidInput(`The flow cannot run: ${issues.map(({ message }) => message).join(' ')}`, {
        where: 'spec.steps',
        hint: issues[0]?.hint ?? 'search_actions finds actions by what they do.',
        data: { issues, code },
      })
    }
    const made = await catalog.call(
      'create_workflow',
      { name: spec.name, description: spec.description, code },
      caller,
    )
    const workflow = made.workflow as z.input<typeof Workflow>
    context.touches(workflow.id)
    return { workflow, code, next: nextSteps(workflow.slug, spec.trigger, customer) }
  },
})

function nextSteps(
  slug: string,
  trigger: z.output<typeof FlowSpec>['trigger'],
  customer: string | null,
): string[] {
  const forCustomer = customer === null ? '' : `,"customer":"${customer}"`
  const start = {
    webhook: `create_webhook with a route to "${slug}"`,
    app_event: `create_webhook with a route to "${slug}" and a filter on ${trigger.event ?? 'the event'}, and give its address to ${trigger.source ?? 'the app'}`,
    schedule: `create_scheduler for "${slug}"${trigger.source === undefined ? '' : ` with ${JSON.stringify(trigger.source)}`}`,
    manual: `run_workflow {"workflow":"${slug}"${forCustomer}}`,
  }[trigger.type]
  return [
    `publish_workflow {"workflow":"${slug}"}`,
    `deploy_workflow {"workflow":"${slug}","environment":"dev"}`,
    start,
  ]
}
