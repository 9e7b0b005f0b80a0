import { z } from 'zod'
import { Timetable, TimeZone } from '../../runtime/schedules/timetable.ts'
import { ResourceSlug } from '../params.ts'

const StepName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be lower-case letters, digits and _, beginning with a letter')

/** `order.lines[].sku`: members by name, `[]` for each item of a list. */
const FIELD_PATH = /^[A-Za-z_$][\w$-]*(\[\])?(\.[A-Za-z_$][\w$-]*(\[\])?)*$/
const FieldPath = z.string().regex(FIELD_PATH, 'must be a path such as order.lines[].sku')

/** What a sentence of a person becomes before anything is built: read by people, checked by code, built from by the Workflow Builder. */
export const IntegrationPlan = z.object({
  title: z.string().min(1).max(120).describe('What it does, in a few words: "Invoice for every paid order".'),
  slug: ResourceSlug.describe('Short name of the workflow: invoice-paid-orders.'),
  summary: z.string().min(1).max(2_000).describe('What happens when, for whom, in plain sentences.'),
  trigger: z
    .object({
      type: z
        .enum(['webhook', 'schedule', 'manual'])
        .describe(
          'webhook: an app posts events. schedule: on a timetable. manual: only when called by API or person.',
        ),
      reason: z.string().describe('Why this trigger.'),
      cron: z
        .string()
        .nullable()
        .describe('schedule only: five fields, such as "0 6 * * *"; otherwise null.'),
      timeZone: TimeZone.describe('IANA time zone of cron; UTC when it does not matter.'),
    })
    .superRefine(({ type, cron }, context) => {
      if ((type === 'schedule') !== (cron !== null))
        context.addIssue({
          code: 'custom',
          path: ['cron'],
          message: 'is for the type schedule, and only for it',
        })
      const issue = cron === null ? undefined : Timetable.safeParse({ type: 'custom', cron }).error?.issues[0]
      if (issue !== undefined) context.addIssue({ code: 'custom', path: ['cron'], message: issue.message })
    })
    .describe('What starts it.'),
  tenancy: z
    .enum(['organization', 'each_customer'])
    .describe(
      'organization: one account for all. each_customer: runs for each customer with its own accounts.',
    ),
  input: z
    .array(
      z.object({
        path: FieldPath.describe('Where in ctx.input: order.lines[].sku.'),
        type: z.enum(['string', 'number', 'integer', 'boolean', 'object', 'array']),
        required: z.boolean(),
        description: z.string().min(1),
        example: z.string().describe('An example, as text.'),
      }),
    )
    .max(80)
    .describe('The fields the workflow reads of ctx.input; empty when it reads none.'),
  actions: z
    .array(
      z.object({
        step: StepName.describe('Name of this step; mappings refer to it.'),
        connector: z.string().describe('Slug of a connector there is.'),
        action: z.string().describe('Slug of an action that connector has.'),
        purpose: z.string().describe('What it is for here, and when it is called if not always.'),
        onFailure: z
          .enum(['halt', 'skip'])
          .describe('halt: the run fails. skip: the run notes the failure and goes on.'),
      }),
    )
    .min(1)
    .max(20)
    .describe('The calls of apps, in order.'),
  mappings: z
    .array(
      z.object({
        step: StepName.describe('The step whose input is filled.'),
        target: FieldPath.describe('Field of that action’s input.'),
        source: z
          .string()
          .nullable()
          .describe('input.<path>, or steps.<step>.<path> of an earlier step’s output; null: a fixed value.'),
        fixed: z.string().nullable().describe('The value, when source is null.'),
        transform: z.string().nullable().describe('What is done to the value, in words; null: nothing.'),
        reason: z.string().describe('Why these two belong together.'),
      }),
    )
    .max(200)
    .describe('Which field goes where.'),
  rules: z.array(z.string()).max(30).describe('Business rules and filters, one sentence each.'),
  duplicates: z.string().describe('How the same thing is not done twice.'),
  duplicateKey: z
    .string()
    .regex(/^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$/, 'must be a path such as order.number, through no list')
    .nullable()
    .describe(
      'The field of the input that is the same when the same thing comes again: order.number. Runs with the same value go one after the other. null: there is none; what a webhook or a schedule starts then all goes one after the other.',
    ),
  failures: z.string().describe('What happens when an app refuses or is down.'),
  acceptance: z
    .array(z.string())
    .min(1)
    .max(20)
    .describe('How one sees that it works: end states, one each.'),
})
export type IntegrationPlan = z.output<typeof IntegrationPlan>
