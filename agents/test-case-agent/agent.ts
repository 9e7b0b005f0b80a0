import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { inputIssues } from '../../runtime/connectors/validate-input.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { TestCase } from '../../tools/agents/test-case.ts'
import type { Acting, AgentCard } from '../acting.ts'
import { checkedAnswer } from '../checked-answer.ts'
import { promptData } from '../prompt-data.ts'
import type { CaseRun } from './judge.ts'
import { CASES, RUN_TOKEN } from './prompt.ts'

export { RUN_TOKEN }

export const testCaseAgent = {
  purpose:
    'Proposes test cases a person can approve, runs them with real calls or mocks, and judges end states by code.',
  tools: [
    'get_workflow',
    'run_workflow',
    'get_execution',
    'cancel_execution',
    'list_execution_steps',
    'list_connections',
    'get_connector',
    'list_environments',
    'get_action',
    'set_action_mock',
    'validate_workflow',
  ],
} as const satisfies AgentCard

export const TestCases = z.object({ cases: z.array(TestCase).min(1).max(30) })

/** Test cases of a workflow's code; their inputs fit its schema and each can tell right from wrong. */
export async function proposeCases(
  acting: Acting,
  given: {
    code: string
    inputSchema: JsonObject | null
    plan: IntegrationPlan | null
    /** No app is to be called. */
    onlyMocks: boolean
    before: { cases: readonly TestCase[]; feedback: string } | null
  },
): Promise<TestCase[]> {
  const { code, inputSchema, plan, onlyMocks, before } = given
  const prompt = [
    `The code:\n${promptData('code', code)}`,
    `The schema of its input:\n${promptData('input schema', inputSchema ?? 'anything')}`,
    plan === null ? '' : `The plan it was built from:\n${promptData('plan', plan)}`,
    onlyMocks ? 'The person wants no app called: every case has the mode mock.' : '',
    before === null
      ? ''
      : `Your cases before:\n${promptData('cases', before.cases)}\nThe person wants this changed:\n${promptData('feedback of the person', before.feedback)}`,
    'Write the cases.',
  ]
  const { cases } = await checkedAnswer(
    acting.model(),
    {
      tier: 'plan',
      name: 'test_cases',
      system: CASES,
      prompt: prompt.filter(Boolean).join('\n\n'),
      schema: TestCases,
    },
    async (answer) => [
      ...caseProblems(answer.cases, inputSchema, plan?.trigger.type === 'webhook'),
      ...(onlyMocks ? liveOnes(answer.cases) : await destructiveCalls(acting, answer.cases)),
    ],
  )
  return cases
}

const liveOnes = (cases: readonly TestCase[]): string[] =>
  cases
    .filter(({ mode }) => mode !== 'mock')
    .map(({ id }) => `${id} would really call apps: give it the mode mock, and mocks for what it calls.`)

/**
 * What is wrong with proposed cases, as far as code can tell.
 * @param byWebhook what starts the workflow is not checked against the schema, so no case may rest on that it is
 */
export function caseProblems(
  cases: readonly TestCase[],
  inputSchema: JsonObject | null,
  byWebhook = false,
): string[] {
  const problems: string[] = []
  const ids = cases.map(({ id }) => id)
  for (const id of new Set(ids.filter((one, n) => ids.indexOf(one) !== n)))
    problems.push(`Two cases are ${id}.`)
  for (const { id, input, expect, mode, mocks = [], mockScenarios = {} } of cases) {
    const mocked = [
      ...mocks.map(({ connector, action }) => `${connector}.${action}`),
      ...Object.keys(mockScenarios),
    ]
    if (mode !== 'mock' && mocked.length > 0) problems.push(`${id} has mocks, so its mode is mock.`)
    for (const { connector, action, times } of expect.calls)
      if (mode === 'mock' && times > 0 && !mocked.includes(`${connector}.${action}`))
        problems.push(`${id} calls ${connector}.${action}, which has no mock in it.`)
    const isToFail = expect.status === 'failed'
    if (!isToFail && expect.output.length === 0 && expect.calls.length === 0)
      problems.push(`${id} would pass whatever the workflow does: say what it must return or call.`)
    if (inputSchema === null || (isToFail && !byWebhook)) continue
    for (const { where, message } of inputIssues({}, { slug: 'workflow', inputSchema }, input as JsonObject))
      problems.push(
        `${id}: ${where} ${message}${isToFail ? ' (a webhook brings it all the same: let the code be what fails)' : ''}`,
      )
  }
  if (!cases.some(({ expect }) => expect.status === 'completed'))
    problems.push('No case expects the workflow to work.')
  return problems
}

/** Live cases that would delete, or do what cannot be undone: those have to be mocked. */
export async function destructiveCalls(acting: Acting, cases: readonly TestCase[]): Promise<string[]> {
  const problems: string[] = []
  for (const { id, mode, expect } of cases) {
    if (mode === 'mock') continue
    for (const { connector, action, times } of expect.calls)
      if (times > 0 && (await isDestructive(acting, connector, action)))
        problems.push(`${id} would really call ${connector}.${action}, which is destructive: make it a mock.`)
  }
  return problems
}

async function isDestructive(acting: Acting, connector: string, action: string): Promise<boolean> {
  const found = await acting.call('get_action', { connector, action }).catch((cause: unknown) => {
    const error = toAppError(cause)
    // A case about an action that is not there fails by itself.
    if (error.code === 'not_found') return { action: null }
    throw error
  })
  return isJsonObject(found.action) && found.action.effect === 'destructive'
}

/** The actions that code calls by name. */
export async function callsIn(
  acting: Acting,
  code: string,
): Promise<{ connector: string; action: string }[]> {
  const { connectors } = await acting.call('validate_workflow', { code })
  const found = connectors as { slug: string; action: string }[]
  return found.map(({ slug, action }) => ({ connector: slug, action }))
}

const STEPS_PER_PAGE = 200
const MAX_PAGES = 10

/** What a run did, as it was recorded with its end. Traces are written a little later, and may not be there yet. */
export async function stepsOf(acting: Acting, execution: string): Promise<JsonObject[]> {
  const steps: JsonObject[] = []
  let after: Json = -1
  for (let page = 0; page < MAX_PAGES && after !== null; page += 1) {
    const found = await acting.call('list_execution_steps', { execution, after, limit: STEPS_PER_PAGE })
    if (Array.isArray(found.steps)) steps.push(...found.steps.filter(isJsonObject))
    after = found.next ?? null
  }
  return steps
}

/** An execution and its steps as `judge` takes them. */
export function caseRunOf(execution: JsonObject, steps: readonly JsonObject[]): CaseRun {
  const error = isJsonObject(execution.error) ? execution.error : null
  return {
    status: String(execution.status),
    output: execution.output,
    error:
      error === null
        ? null
        : [error.message, error.where, error.hint].filter((part) => typeof part === 'string').join(' '),
    calls: steps
      .filter(({ kind }) => kind === 'connectors.call')
      .map(({ name }) => {
        const [connector = '', action = ''] = String(name).split('.')
        return { connector, action }
      }),
  }
}
