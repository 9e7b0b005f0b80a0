import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { planDocument } from '../../agents/planner/plan-document.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { made, type Update, type WorkflowState } from './state.ts'
import { tellRejecting } from './take-back.ts'

const SECRET_BYTES = 32

export async function approveTests(state: WorkflowState, run: RunContext): Promise<Update> {
  const { report, input, plan } = state
  const { passed, failed } = made(report, 'a report')
  const environment = input.environment ?? 'dev'
  const { slug, version } = made(state.stored, 'a stored workflow')
  const { trigger } = made(plan, 'a plan')
  const when =
    trigger.type === 'schedule' ? `the schedule ${trigger.cron} (${trigger.timeZone})` : `its ${trigger.type}`
  const bound = trigger.type === 'manual' ? '' : ` and bind ${when}`
  const { decision } = await run.handback({
    point: 'after_testing',
    question: `${passed} of ${passed + failed} test cases pass. Deploy version ${version} of ${slug} to ${environment}${bound}? Stopping leaves everything as it is. ${await tellRejecting(state, run)}`,
    details: { report: report as unknown as Json, environment, trigger: trigger as unknown as JsonObject },
    answer: z.object({
      decision: z
        .enum(['deploy', 'stop', 'reject'])
        .describe('stop: end here; what was made stays. reject: end here, and take back what this run made.'),
    }),
    default: { decision: failed === 0 ? 'deploy' : 'stop' },
  })
  if (decision === 'deploy') return { deployTo: environment }
  return { stopped: 'after_testing', rejected: decision === 'reject' }
}

/** Deploys, and binds the trigger; neither twice. */
export async function deploy(state: WorkflowState, run: RunContext): Promise<Update> {
  const { slug, version } = made(state.stored, 'a stored workflow')
  const environment = made(state.deployTo, 'an environment')
  await run.call('deploy_workflow', { workflow: slug, environment, version })
  return { trigger: await bindTrigger(state, run, { slug, environment }) }
}

async function bindTrigger(
  { plan, input }: WorkflowState,
  run: RunContext,
  { slug, environment }: { slug: string; environment: string },
): Promise<JsonObject | null> {
  const { trigger, tenancy, title } = made(plan, 'a plan')
  const customer = input.customer ?? null
  if (trigger.type === 'manual') return null
  if (tenancy === 'each_customer' && customer === null) {
    await run.message(
      'It runs for each customer: make a trigger for each, with create_webhook or create_scheduler.',
    )
    return null
  }
  const type = trigger.type === 'schedule' ? 'scheduler' : 'webhook'
  const { triggers } = (await run.look('list_triggers', { workflow: slug })) as unknown as {
    triggers: BoundTrigger[]
  }
  const there = triggers.find(
    (one) => one.type === type && one.routes.some((route) => route.environment === environment),
  )
  if (there !== undefined) return shown(there)
  const about = { name: title, customer }
  const routes = [{ workflow: slug, environment }]
  if (trigger.type === 'schedule') {
    const timetable = { type: 'custom', cron: trigger.cron }
    return shown(
      (await run.call('create_scheduler', { ...about, routes, timetable, timeZone: trigger.timeZone }))
        .trigger,
    )
  }
  // A secret nobody has seen: were one made for us, it would be kept in the record of this call.
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const webhook = (await run.call('create_webhook', { ...about, routes, secret })).trigger
  await run.message('rotate_webhook_secret gives the key that senders put into the header x-api-key.')
  return shown(webhook)
}

interface BoundTrigger {
  id: string
  type: string
  webhook: { url: string } | null
  scheduler: { nextRunAt: string | null } | null
  routes: { environment: string }[]
}

function shown(trigger: unknown): JsonObject {
  const { id, type, webhook, scheduler } = trigger as BoundTrigger
  return { id, type, url: webhook?.url ?? null, nextRunAt: scheduler?.nextRunAt ?? null }
}

/** What came of it, wherever it ended. */
export async function conclude(state: WorkflowState): Promise<Update> {
  const { plan, stored, cases, report, deployTo, trigger, stopped, rejected, undone, isGone } = state
  return {
    output: {
      status: stopped === null ? 'deployed' : rejected ? 'rejected' : 'stopped',
      stoppedAt: stopped,
      workflow: stored === null || isGone ? null : { slug: stored.slug, version: stored.version },
      environment: deployTo,
      trigger,
      cases: cases as unknown as Json,
      tests: report as unknown as Json,
      document: plan === null ? null : planDocument(plan),
      takenBack: undone.takenBack,
      notTakenBack: undone.notTakenBack,
    },
  }
}
