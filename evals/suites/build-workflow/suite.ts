import type { Doors } from '../../doors.ts'
import { type Office, openOffice } from '../../environments/apps/office.ts'
import { organizationState } from '../../environments/organization.ts'
import { changesIn } from '../../environments/state.ts'
import type { Suite, SuiteOptions, Task } from '../../suite.ts'
import { findDeployed, type Trigger } from './deployed.ts'
import { tryOut } from './hidden-test.ts'
import { PLAYED, playedBuilder } from './played.ts'
import { agent, builder, client } from './policies.ts'
import { invoices } from './tasks/invoices.ts'
import { newsletter } from './tasks/newsletter.ts'
import { refunds } from './tasks/refunds.ts'
import type { WorkflowTask } from './tasks/task.ts'
import { urgent } from './tasks/urgent.ts'

/** What whoever builds a workflow is told. */
export interface WorkflowSituation {
  request: string
  /** Slug of the customer it is for; null: the organization itself. */
  customer: string | null
}

export const workflowTasks: readonly WorkflowTask[] = [invoices, newsletter, refunds, urgent]

/** A workflow that nobody asks anything about any more. */
const BYSTANDER = 'bystander'
const ENVIRONMENT = 'dev'

/** Build and deploy a workflow with its trigger; tests that nobody has seen are then let loose on it. Setting: `tasks`. */
export const buildWorkflow: Suite<WorkflowSituation> = {
  name: 'build-workflow',
  description: 'Build, deploy and bind the workflow of a request, so that it passes tests nobody has seen.',
  policies: { agent, builder, client },
  played: ({ count, settings }) => {
    const tasks = chosenTasks(settings.tasks).slice(0, Math.min(count, PLAYED))
    return { script: playedBuilder(tasks), count: tasks.length }
  },
  async open(options) {
    const { doors, count, settings } = options
    const office = await openOffice(doors)
    try {
      await makeWorkflow(doors, { slug: BYSTANDER, code: 'export default async () => ({ untouched: true })' })
      await makeTrigger(doors, BYSTANDER, { type: 'webhook' }, null)
      const { customers } = await doors.call('list_customers')
      const idOf = (slug: string | null): string | null =>
        (customers as { id: string; slug: string }[]).find((one) => one.slug === slug)?.id ?? null
      return {
        async *tasks() {
          for (const task of chosenTasks(settings.tasks).slice(0, count))
            yield await taskOf(options, office, task, idOf(customerOf(task)))
        },
        fixtures: async () => ({ apps: office.state(), ...(await bystanders(doors, new Set())) }),
        notes: () => ({ hiddenTests: workflowTasks.map((task) => [task.name, task.tests(String).length]) }),
        close: office.close,
      }
    } catch (error) {
      await office.close()
      throw error
    }
  },
}

const chosenTasks = (named: string | undefined): readonly WorkflowTask[] =>
  workflowTasks.filter(({ name }) => named === undefined || named.split(',').includes(name))

const customerOf = ({ owner }: WorkflowTask): string | null => (owner === 'own' ? null : owner)

let checks = 0

async function taskOf(
  { doors }: SuiteOptions,
  office: Office,
  task: WorkflowTask,
  customerId: string | null,
): Promise<Task<WorkflowSituation>> {
  const known = new Set(await triggerIds(doors))
  const workflows = new Set(await workflowSlugs(doors))
  const before = await bystanders(doors, new Set())
  const made = async () => (await workflowSlugs(doors)).filter((slug) => !workflows.has(slug))
  return {
    id: task.name,
    class: task.kind,
    environment: task.trigger.type,
    situation: { request: task.request, customer: customerOf(task) },
    async check() {
      const deployed = await findDeployed(doors, known, task.trigger, customerId)
      if (typeof deployed === 'string') return { passed: false, problems: [deployed] }
      // New names in each check: what the workflow remembers of the last one is not mistaken for this one's.
      checks += 1
      const fresh = (name: string) => `${name}-${checks}`
      const problems: string[] = []
      for (const test of task.tests(fresh))
        problems.push(...(await tryOut(office, deployed, test, task.owner)))
      office.reset()
      return { passed: problems.length === 0, problems }
    },
    regressions: async () => changesIn(before, await bystanders(doors, new Set(await made()))),
    async solve() {
      await makeWorkflow(doors, { slug: task.name, code: task.code, concurrency: task.concurrency })
      await makeTrigger(doors, task.name, task.trigger, customerOf(task))
      return {}
    },
    async reset() {
      for (const id of await triggerIds(doors))
        if (!known.has(id)) await doors.call('delete_trigger', { trigger: id })
      for (const slug of await made()) await doors.call('delete_workflow', { workflow: slug })
      office.reset()
    },
    restart: async () => {},
  }
}

const triggerIds = async (doors: Doors): Promise<string[]> =>
  ((await doors.call('list_triggers', { limit: 100 })).triggers as Trigger[]).map(({ id }) => id)

const workflowSlugs = async (doors: Doors): Promise<string[]> =>
  ((await doors.call('list_workflows', { limit: 100 })).workflows as { slug: string }[]).map(
    ({ slug }) => slug,
  )

/** Everything that was there before and is nobody's business. @param made workflows that were asked for */
async function bystanders(doors: Doors, made: ReadonlySet<string>): Promise<Record<string, unknown>> {
  const { workflows, ...rest } = await organizationState(doors)
  const { workflow } = await doors.call('get_workflow', { workflow: BYSTANDER })
  const { triggers } = await doors.call('list_triggers', { workflow: BYSTANDER })
  const { deployments } = await doors.call('list_deployments', { workflow: BYSTANDER })
  return {
    ...rest,
    workflows: (workflows as string[]).filter((slug) => !made.has(slug)),
    ...{ bystander: workflow, itsTriggers: triggers, itsDeployments: deployments },
  }
}

interface MadeWorkflow {
  slug: string
  code: string
  inputSchema?: object | null | undefined
  concurrency?: object | null | undefined
}

/** By the plain tools: stored, published, deployed. */
export async function makeWorkflow(
  doors: Doors,
  { slug, code, inputSchema, concurrency }: MadeWorkflow,
): Promise<void> {
  await doors.call('create_workflow', {
    ...{ name: slug, slug, code },
    ...(inputSchema == null ? {} : { inputSchema }),
    ...(concurrency == null ? {} : { concurrency }),
  })
  await doors.call('publish_workflow', { workflow: slug })
  await doors.call('deploy_workflow', { workflow: slug, environment: ENVIRONMENT })
}

/** @param given `daily`, or a cron expression */
export async function makeTrigger(
  doors: Doors,
  workflow: string,
  given: WorkflowTask['trigger'] | { type: 'scheduler'; cron: string; timeZone: string },
  customer: string | null,
): Promise<void> {
  const about = { name: workflow, customer, routes: [{ workflow, environment: ENVIRONMENT }] }
  if (given.type === 'webhook') return void (await doors.call('create_webhook', about))
  const [timetable, timeZone] =
    'cron' in given
      ? [{ type: 'custom', cron: given.cron }, given.timeZone]
      : [{ type: 'daily', time: given.daily?.time }, given.daily?.timeZone]
  await doors.call('create_scheduler', { ...about, timetable, timeZone })
}
