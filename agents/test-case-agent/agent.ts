import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { inputIssues } from '../../runtime/connectors/validate-input.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { TestCase } from '../../tools/agents/test-case.ts'
import type { Acting, AgentCard } from '../acting.ts'
import { checkedAnswer } from '../checked-answer.ts'
import { promptData } from '../prompt-data.ts'
import { CASES, RUN_TOKEN } from './prompt.ts'

export { RUN_TOKEN }

export const testCaseAgent = {
  purpose:
    'Proposes test cases a person can approve, runs them with real calls, and judges end states by code.',
  tools: [
    'get_workflow',
    'run_workflow',
    'get_execution',
    'list_connections',
    'get_connector',
    'list_environments',
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
    before: { cases: readonly TestCase[]; feedback: string } | null
  },
): Promise<TestCase[]> {
  const { code, inputSchema, plan, before } = given
  const prompt = [
    `The code:\n${promptData('code', code)}`,
    `The schema of its input:\n${promptData('input schema', inputSchema ?? 'anything')}`,
    plan === null ? '' : `The plan it was built from:\n${promptData('plan', plan)}`,
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
    (answer) => caseProblems(answer.cases, inputSchema),
  )
  return cases
}

/** What is wrong with proposed cases, as far as code can tell. */
export function caseProblems(cases: readonly TestCase[], inputSchema: JsonObject | null): string[] {
  const problems: string[] = []
  const ids = cases.map(({ id }) => id)
  for (const id of new Set(ids.filter((one, n) => ids.indexOf(one) !== n)))
    problems.push(`Two cases are ${id}.`)
  for (const { id, input, expect } of cases) {
    if (expect.status === 'failed') continue
    if (expect.output.length === 0 && expect.calls.length === 0)
      problems.push(`${id} would pass whatever the workflow does: say what it must return or call.`)
    if (inputSchema === null) continue
    for (const { where, message } of inputIssues({}, { slug: 'workflow', inputSchema }, input as JsonObject))
      problems.push(`${id}: ${where} ${message}`)
  }
  if (!cases.some(({ expect }) => expect.status === 'completed'))
    problems.push('No case expects the workflow to work.')
  return problems
}

/** An execution as `judge` takes it. */
export function caseRunOf(execution: JsonObject) {
  const error = isJsonObject(execution.error) ? execution.error : null
  const traces = Array.isArray(execution.traces) ? execution.traces.filter(isJsonObject) : []
  return {
    status: String(execution.status),
    output: execution.output,
    error:
      error === null
        ? null
        : [error.message, error.where, error.hint].filter((part) => typeof part === 'string').join(' '),
    calls: traces.map(({ connector, action }) => ({ connector: String(connector), action: String(action) })),
  }
}
