import { inputSchemaOf } from '../../agents/planner/input-schema.ts'
import { runsAtOnce } from '../../agents/planner/runs-at-once.ts'
import { type CodeReach, reachOfCode, writeCode } from '../../agents/workflow-builder/agent.ts'
import { toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { decide } from './decision.ts'
import { type DraftBefore, made, type Stored, type Update, type WorkflowState } from './state.ts'
import { ownRequests } from './writing.ts'

const MAX_SAME_SLUGS = 50

/** The code of the plan, checked; and the slug it will be kept under. */
export async function writeWorkflow(state: WorkflowState, run: RunContext): Promise<Update> {
  const plan = made(state.plan, 'a plan')
  const { code, feedback, input } = state
  const written = await writeCode(run, {
    plan,
    instructions: input.instructions ?? '',
    before: code === '' || feedback === '' ? null : { code, feedback },
  })
  await run.artifact({ kind: 'workflow_code', title: `${plan.slug}.js`, content: written.code })
  const slug = state.slug || input.workflow || (await freeSlug(run, plan.slug))
  return { ...written, slug, feedback: '' }
}

/** A slug no workflow has: chosen a node before the workflow is made, so that one found under it later is this run's. */
async function freeSlug(run: RunContext, wanted: string): Promise<string> {
  const { workflows } = await run.call('list_workflows', { query: wanted, limit: 200 })
  const taken = new Set((workflows as { slug: string }[]).map(({ slug }) => slug))
  for (let n = 1; n <= MAX_SAME_SLUGS; n += 1) {
    const slug = n === 1 ? wanted : `${wanted.slice(0, 60)}-${n}`
    if (!taken.has(slug)) return slug
  }
  return wanted
}

/** Keeps the code: the workflow's draft, and a version of it. Run again after a crash it makes neither twice. */
export async function storeWorkflow(state: WorkflowState, run: RunContext): Promise<Update> {
  const { code, slug, stored, input } = state
  const plan = made(state.plan, 'a plan')
  const inputSchema = plan.input.length === 0 ? null : inputSchemaOf(plan)
  const before = input.workflow == null ? null : await run.first('draft_before', () => draftBefore(run, slug))
  const { reach, reaches } = await reachOfCode(run, code, plan)
  const concurrency = runsAtOnce(plan) as JsonObject | null
  if (stored === null && input.workflow == null)
    await create(run, { slug, code, inputSchema, plan, reach, concurrency })
  else {
    // A bound that a person set stays.
    const bound = input.workflow == null || before?.concurrency === null ? { concurrency } : {}
    await run.call('update_workflow', { workflow: slug, code, inputSchema, reach: { ...reach }, ...bound })
  }
  return { stored: { slug, inputSchema, version: await publish(run, slug), reach }, reaches, before }
}

async function draftBefore(run: RunContext, slug: string): Promise<DraftBefore & JsonObject> {
  const { code, inputSchema, reach, concurrency } = await draftOf(run, slug)
  return { code, inputSchema, reach, concurrency } as DraftBefore & JsonObject
}

async function create(
  run: RunContext,
  made: {
    slug: string
    code: string
    inputSchema: JsonObject | null
    plan: IntegrationPlan
    reach: CodeReach
    concurrency: JsonObject | null
  },
): Promise<void> {
  const { slug, code, inputSchema, plan, reach, concurrency } = made
  try {
    await run.call('create_workflow', {
      slug,
      code,
      name: plan.title,
      description: plan.summary,
      reach: { ...reach },
      ...(inputSchema === null ? {} : { inputSchema }),
      ...(concurrency === null ? {} : { concurrency }),
    })
  } catch (cause) {
    const error = toAppError(cause)
    if (error.code !== 'conflict' || (await draftOf(run, slug)).code !== code) throw error
  }
}

/** The newest version, made if the draft is not one yet. */
export async function publish(run: RunContext, slug: string): Promise<number> {
  const draft = await draftOf(run, slug)
  if (draft.latestVersion > 0 && !draft.unpublishedChanges) return draft.latestVersion
  const { version } = await run.call('publish_workflow', { workflow: slug })
  return (version as { version: number }).version
}

export interface Draft {
  slug: string
  code: string
  latestVersion: number
  unpublishedChanges: boolean
  inputSchema: JsonObject | null
  reach: CodeReach | null
  concurrency: JsonObject | null
  newestVersion: { connectors: string[] } | null
}

/** The workflow as it is now. */
export const draftOf = async (run: RunContext, slug: string): Promise<Draft> =>
  (await run.look('get_workflow', { workflow: slug })).workflow as unknown as Draft

/** What code reaches besides the planned actions, told to whoever approves it: a person, in Auto mode too. */
export const further = (reaches: readonly string[]): string =>
  reaches.length === 0
    ? ''
    : ` Besides the apps' actions it uses ${reaches.map((one) => `ctx.${one}`).join(', ')}: read the code.`

export async function approveBuild(state: WorkflowState, run: RunContext): Promise<Update> {
  const { slug, version }: Stored = made(state.stored, 'a stored workflow')
  const question = `The workflow ${slug} is written and checked (version ${version}, deployed nowhere).${further(state.reaches)} Go on to its tests?`
  const details = { workflow: slug, version, code: state.code, notes: state.notes, reaches: state.reaches }
  const decision = await decide(run, { point: 'after_building', question, details }, state.reaches.length > 0)
  return { ...decision, mayWrite: [...state.mayWrite, ...ownRequests(state.reaches)] }
}
