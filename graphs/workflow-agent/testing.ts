import { z } from 'zod'
import { callsIn, caseRunOf, RUN_TOKEN, stepsOf } from '../../agents/test-case-agent/agent.ts'
import { type CaseRun, judge } from '../../agents/test-case-agent/judge.ts'
import { mendCode, reachOfCode } from '../../agents/workflow-builder/agent.ts'
import { toAppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { TestCase, TestReport } from '../../tools/agents/test-case.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { draftOf, further, publish } from './building.ts'
import { type Best, made, type Update, type WorkflowState } from './state.ts'
import { allowedOf, ownRequests } from './writing.ts'

/** Times failing code is mended; the whole suite runs after each. */
export const MAX_MENDED = 3
const WAIT_SECONDS = 60
/** A run that is still under way after the first wait is looked at so often. */
const MAX_LOOKS = 24
const LOOK_EVERY_MS = 5_000
const UNDER_WAY = ['queued', 'running', 'waiting']
const MAX_LOG_LINES = 40
const MAX_STEPS_SHOWN = 60

/** Apps the workflow calls without an account to call them with: a person connects those first. */
export async function checkAccounts(state: WorkflowState, run: RunContext): Promise<Update> {
  const { input, cases } = state
  if (cases.every(({ mode }) => mode === 'mock')) return { feedback: '' }
  const { slug } = made(state.stored, 'a stored workflow')
  const { newestVersion } = await draftOf(run, slug)
  const customer = input.customer ?? null
  const missing: string[] = []
  for (const connector of newestVersion?.connectors ?? [])
    if (!(await isConnected(run, connector, customer)) && !(await needsNone(run, connector)))
      missing.push(connector)
  if (missing.length === 0) return { feedback: '' }
  const whose = customer === null ? 'The organization' : `The customer ${customer}`
  const { next } = await run.handback({
    point: 'missing_accounts',
    question: `${whose} has no connected account of ${missing.join(', ')}. Connect a test account (create_connect_link, create_connection), then look again.`,
    details: { connectors: missing },
    answer: z.object({
      next: z
        .enum(['look_again', 'go_on', 'stop'])
        .describe('look_again: they are connected now. go_on: run the cases as it is. stop: end here.'),
    }),
  })
  if (next === 'stop') return { stopped: 'missing_accounts' }
  return { feedback: next === 'look_again' ? 'look_again' : '' }
}

/** Is there an account for it: the customer's, or the organization's own? */
async function isConnected(run: RunContext, connector: string, customer: string | null): Promise<boolean> {
  const active = async (more: JsonObject) =>
    (await run.call('list_connections', { connector, status: 'active', ...more })).connections as {
      customerId: string | null
    }[]
  if (customer !== null && (await active({ customer })).length > 0) return true
  return (await active({})).some(({ customerId }) => customerId === null)
}

async function needsNone(run: RunContext, slug: string): Promise<boolean> {
  const { connector } = (await run.call('get_connector', { connector: slug })) as unknown as {
    connector: { authMethods: { type: string }[] }
  }
  return connector.authMethods.some(({ type }) => type === 'no_auth')
}

/** Runs every case, one after the other, and judges. */
export async function runCases(state: WorkflowState, run: RunContext): Promise<Update> {
  const { cases, best, code } = state
  const { version, reach } = made(state.stored, 'a stored workflow')
  const results: TestReport['results'] = []
  const evidence: JsonObject[] = []
  for (const proposed of cases) {
    const one = withToken(proposed, `${run.runId.slice(-6)}${state.mended}`)
    const seen = await runCase(state, run, one)
    const problems = judge(one, seen)
    const { id, scenario } = one
    const status = problems.length === 0 ? 'pass' : 'fail'
    results.push({ id, scenario, status, problems, executionId: seen.executionId })
    if (status === 'fail') evidence.push({ case: one as unknown as Json, problems, ...seen.evidence })
  }
  const passed = results.filter(({ status }) => status === 'pass').length
  const report = { passed, failed: results.length - passed, results }
  await run.message(`${passed} of ${results.length} test cases pass with version ${version}.`)
  await run.artifact({ kind: 'test_report', title: `Tests of version ${version}`, content: report })
  return {
    report,
    evidence,
    ...(isBetter(report, best?.report) ? { best: { code, version, report, reach } } : {}),
  }
}

/** More cases pass, and none that passed before fails. */
export function isBetter(report: TestReport, before: TestReport | undefined): boolean {
  if (before === undefined) return true
  const passes = new Set(report.results.filter(({ status }) => status === 'pass').map(({ id }) => id))
  return (
    report.passed > before.passed &&
    before.results.every(({ id, status }) => status === 'fail' || passes.has(id))
  )
}

/** Identifiers are new each time the suite runs: what runs before left behind is not taken for a duplicate. */
const withToken = (proposed: TestCase, token: string): TestCase =>
  JSON.parse(JSON.stringify(proposed).replaceAll(RUN_TOKEN, token)) as TestCase

type SeenRun = CaseRun & { executionId: string | null; evidence: JsonObject }

async function runCase(state: WorkflowState, run: RunContext, one: TestCase): Promise<SeenRun> {
  const { input } = state
  const { slug, version } = made(state.stored, 'a stored workflow')
  const allowed = [...allowedOf(state)]
  try {
    const mockScenarios = await setMocks(run, slug, one)
    let { execution } = (await run.call('run_workflow', {
      workflow: slug,
      version,
      environment: input.environment ?? 'dev',
      input: one.input as Json,
      headers: one.headers ?? {},
      // Whatever its input makes the code do, a live case deletes nothing, and writes only where a person allowed it.
      ...(one.mode === 'mock'
        ? { mode: 'full_mock', mockScenarios }
        : { mode: 'guarded', mayWrite: allowed }),
      customer: input.customer ?? null,
      waitSeconds: WAIT_SECONDS,
    })) as { execution: JsonObject }
    for (let look = 0; look < MAX_LOOKS && UNDER_WAY.includes(String(execution.status)); look += 1) {
      await pause(LOOK_EVERY_MS, run.signal)
      ;({ execution } = (await run.call('get_execution', { execution: String(execution.id) })) as {
        execution: JsonObject
      })
    }
    // One that goes on would hold up the cases after it, and events of the environment.
    if (UNDER_WAY.includes(String(execution.status))) await stopCase(run, String(execution.id))
    const steps = await stepsOf(run, String(execution.id))
    const { output = null, error = null, logs } = execution
    const lines = Array.isArray(logs) ? logs.slice(-MAX_LOG_LINES) : []
    return {
      ...caseRunOf(execution, steps),
      executionId: String(execution.id),
      evidence: {
        status: execution.status ?? null,
        output,
        error,
        logs: lines,
        calls: steps.slice(0, MAX_STEPS_SHOWN).map(didStep),
      },
    }
  } catch (cause) {
    const { code, message } = toAppError(cause)
    // An input that is refused is a run that failed; what the run may not do ends it.
    if (code !== 'invalid_input') throw cause
    return {
      status: 'failed',
      output: null,
      error: message,
      calls: [],
      executionId: null,
      evidence: { error: message },
    }
  }
}

/** It may end by itself meanwhile. */
async function stopCase(run: RunContext, execution: string): Promise<void> {
  await run.call('cancel_execution', { execution }).catch((cause: unknown) => {
    if (toAppError(cause).code !== 'conflict') throw cause
  })
}

/** Sets what a case's mocks answer, under names no other case or person uses; gives the scenarios by action. */
async function setMocks(run: RunContext, slug: string, one: TestCase): Promise<Record<string, string>> {
  const scenarios: Record<string, string> = { ...one.mockScenarios }
  if (one.mode !== 'mock') return scenarios
  for (const { connector, action, scenario, answers } of one.mocks ?? []) {
    const named = `${slug} ${one.id}: ${scenario}`
    await run.call('set_action_mock', {
      connector,
      action,
      scenario: named,
      answers: answers as unknown as Json,
    })
    scenarios[`${connector}.${action}`] = named
  }
  return scenarios
}

/** A step as the model is shown it. */
const didStep = ({
  kind = null,
  name = null,
  status = null,
  output = null,
  error = null,
}: JsonObject): JsonObject => ({
  kind,
  name,
  status,
  output,
  error,
})

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })

/** Mends the code by what the failed runs did, and makes a new version of it. */
export async function mendWorkflow(state: WorkflowState, run: RunContext): Promise<Update> {
  const { plan, code, evidence, mended } = state
  const stored = made(state.stored, 'a stored workflow')
  const answer = await mendCode(run, { plan, code, evidence })
  await run.message(answer.diagnosis)
  const again = mended === 0 ? '' : ` again (${mended + 1})`
  await run.artifact({
    kind: 'workflow_code',
    title: `${stored.slug}.js, mended${again}`,
    content: answer.code,
  })
  const { reach, reaches } = await reachOfCode(run, answer.code, plan)
  // With a plan, its actions and no others are called.
  const newCalls = plan === null ? await callsBeside(run, answer.code, code) : []
  const asks = reaches.length > 0 || newCalls.length > 0
  if (asks && !(await mayRunMended(run, { ...answer, reaches, newCalls, before: code })))
    return { mendingRefused: true }
  await run.call('update_workflow', { workflow: stored.slug, code: answer.code, reach: { ...reach } })
  const version = await publish(run, stored.slug)
  // What it calls besides was allowed just now.
  const mayWrite = [...state.mayWrite, ...newCalls, ...ownRequests(reaches)]
  return { code: answer.code, mended: mended + 1, mayWrite, stored: { ...stored, version, reach } }
}

/** Actions that code calls and the code before it did not. */
async function callsBeside(run: RunContext, code: string, before: string): Promise<string[]> {
  const namesIn = async (one: string) =>
    (await callsIn(run, one)).map(({ connector, action }) => `${connector}.${action}`)
  const known = await namesIn(before)
  return (await namesIn(code)).filter((name) => !known.includes(name))
}

/**
 * Mended code is other code, written after what apps answered: where it reaches further than the apps' actions, or calls
 * others than the code before, a person reads it before it runs.
 */
async function mayRunMended(
  run: RunContext,
  mended: { code: string; diagnosis: string; reaches: string[]; newCalls: string[]; before: string },
): Promise<boolean> {
  const { newCalls } = mended
  const more = newCalls.length === 0 ? '' : ` It calls ${newCalls.join(', ')}, which it did not before.`
  const { decision } = await run.handback({
    point: 'after_mending',
    question: `The code was mended.${more}${further(mended.reaches)} Run the test cases with it?`,
    details: { ...mended },
    answer: z.object({
      decision: z.enum(['approve', 'reject']).describe('reject: the version before it is kept.'),
    }),
  })
  return decision === 'approve'
}

/** Goes back to the best version, should the last have been worse. */
export async function settle({ best, stored, code }: WorkflowState, run: RunContext): Promise<Update> {
  const workflow = made(stored, 'a stored workflow')
  if (best === null || best.version === workflow.version) return {}
  await run.message(`Version ${best.version} did better than ${workflow.version}; it is taken.`)
  if (best.code !== code) await run.call('update_workflow', { workflow: workflow.slug, ...restored(best) })
  return {
    code: best.code,
    report: best.report,
    stored: { ...workflow, version: best.version, reach: best.reach },
  }
}

const restored = ({ code, reach }: Best): JsonObject => ({
  code,
  reach: reach === null ? null : { ...reach },
})
