import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { setSchedule } from '../../db/schedules.ts'
import { getTrigger, insertTrigger, type RouteRow } from '../../db/triggers.ts'
import { comingRun, type SchedulerConfig } from '../../runtime/schedules/scheduler-config.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { ScheduledRouteInputs, setRoutes } from './routes.ts'
import { SchedulerFields } from './scheduler-fields.ts'
import { Trigger, toTrigger } from './trigger.ts'

const DEFAULT_MAX_FAILURES = 10

export const createScheduler = defineTool({
  name: 'create_scheduler',
  title: 'Create a scheduler',
  description:
    'Runs workflows on a timetable: every n minutes, hours or days, daily, weekly, monthly, or by cron expression, in a time zone. run_scheduler runs it once by hand.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('Display name, e.g. "Nightly stock sync".'),
    description: z.string().max(5_000).default('').describe('What it is for.'),
    timetable: SchedulerFields.timetable,
    timeZone: SchedulerFields.timeZone.default('UTC'),
    startAt: SchedulerFields.startAt.optional(),
    routes: ScheduledRouteInputs,
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) its workflows run for; left out, the organization itself.'),
    delayMinutes: SchedulerFields.delayMinutes.default(0),
    missedRuns: SchedulerFields.missedRuns.default('run_once'),
    maxFailures: SchedulerFields.maxFailures.default(DEFAULT_MAX_FAILURES),
    deadLetter: SchedulerFields.deadLetter.default(true),
    mode: SchedulerFields.mode.default('parallel'),
    runImmediately: z.boolean().default(false).describe('Also run once as soon as it is made.'),
  }),
  output: z.object({
    trigger: Trigger,
    executionIds: z.array(z.string()).describe('With runImmediately: the executions started.'),
    nextStep: z.string().describe('What is left to do; empty when nothing is.'),
  }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'POST /triggers/schedulers',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    const config: SchedulerConfig = {
      timetable: input.timetable,
      timeZone: input.timeZone,
      startAt: input.startAt ?? new Date().toISOString(),
      delayMinutes: input.delayMinutes,
      missedRuns: input.missedRuns,
      maxFailures: input.maxFailures,
      deadLetter: input.deadLetter,
      mode: input.mode,
    }
    const id = newId('trigger')
    context.touches(id)
    const row = await context.transaction(async (tx) => {
      const customerId = await actingCustomer(tx, actor, input.customer)
      const { organizationId } = actor
      await insertTrigger(tx, {
        id,
        organizationId,
        customerId,
        type: 'scheduler',
        name: input.name,
        description: input.description,
        config,
        secret: null,
      })
      await setRoutes(tx, actor, id, input.routes)
      await setSchedule(tx, { triggerId: id, organizationId, customerId }, comingRun(config, new Date()))
      return getTrigger(tx, id)
    })
    if (row === undefined) throw new Error('the trigger just made is not there')
    const undeployed = row.routes.filter(({ deployed }) => !deployed)
    const { executionIds } =
      input.runImmediately && undeployed.length < row.routes.length
        ? await services.schedules.runNow(row.id)
        : { executionIds: [] }
    return {
      trigger: toTrigger(row, services.publicUrl()),
      executionIds,
      nextStep: undeployed.map(notDeployed).join(' '),
    }
  },
})

const notDeployed = ({ workflow_slug, environment }: RouteRow): string =>
  `Until deploy_workflow puts ${workflow_slug} into ${environment}, its runs there start nothing.`
