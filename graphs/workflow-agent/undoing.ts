import { toAppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import type { TakenBack } from '../frame/taking-back.ts'
import type { Ledger } from './ledger.ts'
import type { WorkflowState } from './state.ts'

/** Calls that take one thing back, in their order, and what of it stays. Neither: it is gone already. */
export interface Undoing {
  steps: { what: string; tool: string; input: JsonObject }[]
  left: TakenBack['notTakenBack']
}

/** One thing the run made, and how to find out what is to be done about it as it is by then. */
interface Thing {
  name: string
  look(): Promise<Undoing>
}

interface SeenWorkflow {
  id: string
  slug: string
  updatedAt: string
  newestVersion: { id: string; version: number } | null
  deployments: { id: string; environment: string; version: number }[]
}

const CHANGED = 'It was changed since.'
const MAX_DEPLOYMENTS = 200
const MAX_MOCKS = 200

/** What the run made, in the order it is taken back in: what starts a workflow before the workflow. */
export function thingsOf(state: WorkflowState, ledger: Ledger, run: RunContext): Thing[] {
  return [
    ...ledger.triggers.map((trigger) => ({ name: trigger.id, look: () => lookAtTrigger(trigger, run) })),
    ...[...ledger.changed.keys()].map((id) => ({
      name: id,
      look: () => lookAtWorkflow(id, state, ledger, run),
    })),
    ...ledger.mocks.map((mock) => ({
      name: `${mock.connector}.${mock.action} ${mock.scenario}`,
      look: () => lookAtMock(mock, run),
    })),
    { name: 'apps', look: async () => left(...doneInApps(state)) },
  ]
}

const undoneBy = (...steps: Undoing['steps']): Undoing => ({ steps, left: [] })
const left = (...left: Undoing['left']): Undoing => ({ steps: [], left })

/** What a tool that reads answers; undefined: what it is asked about is gone. */
export async function lookAt(
  run: RunContext,
  tool: string,
  input: JsonObject,
): Promise<JsonObject | undefined> {
  try {
    return await run.look(tool, input)
  } catch (cause) {
    if (toAppError(cause).code === 'not_found') return undefined
    throw cause
  }
}

async function lookAtTrigger(
  { id, type, updatedAt }: Ledger['triggers'][number],
  run: RunContext,
): Promise<Undoing> {
  const found = await lookAt(run, 'get_trigger', { trigger: id })
  if (found === undefined) return undoneBy()
  const what = `the ${type} ${id}`
  if ((found.trigger as { updatedAt: string }).updatedAt !== updatedAt) return left({ what, why: CHANGED })
  // The run subscribes nothing at apps: there is no app to be asked.
  return undoneBy({ what, tool: 'delete_trigger', input: { trigger: id, leaveSubscription: true } })
}

async function lookAtWorkflow(
  id: string,
  state: WorkflowState,
  ledger: Ledger,
  run: RunContext,
): Promise<Undoing> {
  const found = await lookAt(run, 'get_workflow', { workflow: id })
  if (found === undefined) return undoneBy()
  const workflow = found.workflow as unknown as SeenWorkflow
  if (!ledger.workflows.some((made) => made.id === id)) return rebuiltWorkflow(state, workflow, ledger, run)
  const what = `the workflow '${workflow.slug}' with its versions and executions`
  const why = await whyItStays(workflow, ledger, run)
  return why === null
    ? undoneBy({ what, tool: 'delete_workflow', input: { workflow: id } })
    : left({ what, why })
}

/** What others have made of a workflow since; null: nothing. */
async function whyItStays(workflow: SeenWorkflow, ledger: Ledger, run: RunContext): Promise<string | null> {
  const { id, deployments } = workflow
  const deployed = deployments.filter((one) => !ledger.deployments.has(one.id))
  if (deployed.length > 0)
    return `It was deployed since to ${deployed.map(({ environment }) => environment).join(', ')}.`
  // The run's own are gone by now, but for those that stay.
  const { triggers } = await run.look('list_triggers', { workflow: id })
  const ids = (triggers as { id: string }[]).map((trigger) => trigger.id)
  if (ids.length > 0) return `A trigger starts it by now: ${ids.join(', ')}.`
  return isChangedSince(workflow, ledger) ? CHANGED : null
}

function isChangedSince({ id, updatedAt, newestVersion }: SeenWorkflow, ledger: Ledger): boolean {
  if (newestVersion !== null && !ledger.versions.has(newestVersion.id)) return true
  const changed = ledger.changed.get(id) ?? ''
  const published = newestVersion === null ? '' : (ledger.versions.get(newestVersion.id)?.at ?? '')
  return updatedAt > changed && updatedAt > published
}

/** One that was there before gets its draft and its deployments back; its versions are for good. */
async function rebuiltWorkflow(
  { before }: WorkflowState,
  workflow: SeenWorkflow,
  ledger: Ledger,
  run: RunContext,
): Promise<Undoing> {
  const { id, slug, deployments } = workflow
  const parts: Undoing[] = []
  for (const deployment of deployments.filter((one) => ledger.deployments.has(one.id)))
    parts.push(await deployedByRun(workflow, deployment, ledger, run))
  const what = `the draft of '${slug}'`
  if (before === null) parts.push(left({ what, why: 'What it was before is not known.' }))
  else if (isChangedSince(workflow, ledger)) parts.push(left({ what, why: CHANGED }))
  else {
    const { code, inputSchema, reach, concurrency } = before
    const input = {
      ...{ workflow: id, code, inputSchema, reach: reach as Json },
      ...(concurrency === undefined ? {} : { concurrency }),
    }
    parts.push(undoneBy({ what, tool: 'update_workflow', input }))
  }
  const versions = [...ledger.versions.values()].map(({ version }) => version)
  if (versions.length > 0)
    parts.push(
      left({
        what: `of '${slug}': version ${versions.join(', ')}`,
        why: 'What was published is never deleted; it runs only where somebody deploys it.',
      }),
    )
  return { steps: parts.flatMap(({ steps }) => steps), left: parts.flatMap((part) => part.left) }
}

async function deployedByRun(
  { id, slug }: SeenWorkflow,
  { environment, version }: SeenWorkflow['deployments'][number],
  ledger: Ledger,
  run: RunContext,
): Promise<Undoing> {
  const what = `the deployment of version ${version} of '${slug}' to ${environment}`
  const history = await run.look('list_deployments', { workflow: id, environment, limit: MAX_DEPLOYMENTS })
  const deployments = history.deployments as { id: string; version: number }[]
  const last = deployments.find((one) => !ledger.deployments.has(one.id))
  if (last === undefined)
    return left({
      what,
      why: 'Nothing was deployed there before, and a deployment is only ever replaced; update_workflow with status inactive stops it.',
    })
  const input = { workflow: id, environment, version: last.version }
  return undoneBy({ what, tool: 'rollback_workflow', input })
}

async function lookAtMock(
  { connector, action, scenario, isNew, updatedAt }: Ledger['mocks'][number],
  run: RunContext,
): Promise<Undoing> {
  const at = { connector, action }
  const found = await lookAt(run, 'list_action_mocks', { ...at, limit: MAX_MOCKS })
  const mocks = (found?.mocks ?? []) as { scenario: string; updatedAt: string }[]
  const there = mocks.find((mock) => mock.scenario === scenario)
  if (there === undefined) return undoneBy()
  const what = `the mock '${scenario}' of ${connector}.${action}`
  if (!isNew) return left({ what, why: 'It was there before with other answers, which are not kept.' })
  if (there.updatedAt !== updatedAt) return left({ what, why: CHANGED })
  return undoneBy({ what, tool: 'delete_action_mock', input: { ...at, scenario } })
}

function doneInApps({ cases, report }: WorkflowState): Undoing['left'] {
  const live = cases.filter(({ mode }) => mode !== 'mock')
  if (live.length === 0 || report === null) return []
  const called = live.flatMap(({ expect }) =>
    expect.calls.filter(({ times }) => times > 0).map(({ connector }) => connector),
  )
  const apps = called.length === 0 ? 'the apps' : [...new Set(called)].join(', ')
  return [
    {
      what: `what ${live.length} live test cases did in ${apps}`,
      why: 'Calls of apps cannot be taken back; the test reports of the run say what the cases were.',
    },
  ]
}
