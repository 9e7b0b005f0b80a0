import { z } from 'zod'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { Acting, AgentCard } from '../acting.ts'
import { checkedAnswer } from '../checked-answer.ts'
import { finder } from '../planner/agent.ts'
import { promptData } from '../prompt-data.ts'
import { BUILD, HEAL } from './prompt.ts'

export const workflowBuilder = {
  purpose: 'Writes the code of a plan against the organization’s own connectors, until it type-checks.',
  tools: ['get_action', 'validate_workflow'],
} as const satisfies AgentCard

const MAX_CODE_CHARS = 60_000

export const WrittenCode = z.object({
  code: z.string().min(1).max(MAX_CODE_CHARS).describe('The whole module.'),
  notes: z.string().describe('What a reader should know: assumptions, what is not covered. A few sentences.'),
})
export const MendedCode = z.object({
  diagnosis: z.string().describe('Why the cases fail, and what was changed.'),
  code: z.string().min(1).max(MAX_CODE_CHARS).describe('The whole module.'),
})

/** The code of a plan, checked. @param before the code as it is and what is to be changed of it */
export async function writeCode(
  acting: Acting,
  given: { plan: IntegrationPlan; instructions: string; before: { code: string; feedback: string } | null },
): Promise<z.output<typeof WrittenCode>> {
  const { plan, instructions, before } = given
  const prompt = [
    await aboutPlan(acting, plan),
    instructions === '' ? '' : promptData('instructions of the person', instructions),
    before === null
      ? ''
      : `The code as it is:\n${promptData('code', before.code)}\nThe person wants this changed:\n${promptData('feedback of the person', before.feedback)}`,
    'Write the code.',
  ]
  return checkedAnswer(
    acting.model(),
    {
      tier: 'build',
      name: 'workflow_code',
      system: BUILD,
      prompt: prompt.filter(Boolean).join('\n\n'),
      schema: WrittenCode,
    },
    ({ code }) => codeProblems(acting, plan, code),
  )
}

/** The code mended by the evidence of failed cases, checked. */
export async function mendCode(
  acting: Acting,
  given: { plan: IntegrationPlan | null; code: string; evidence: unknown },
): Promise<z.output<typeof MendedCode>> {
  const { plan, code, evidence } = given
  const prompt = [
    plan === null ? '' : await aboutPlan(acting, plan),
    `The code:\n${promptData('code', code)}`,
    `The cases that fail, and what their runs did:\n${promptData('test runs', evidence)}`,
  ]
  return checkedAnswer(
    acting.model(),
    {
      tier: 'build',
      name: 'mended_code',
      system: HEAL,
      prompt: prompt.filter(Boolean).join('\n\n'),
      schema: MendedCode,
    },
    (mended) => codeProblems(acting, plan, mended.code),
  )
}

async function aboutPlan(acting: Acting, plan: IntegrationPlan): Promise<string> {
  const find = finder(acting)
  const blocks: string[] = []
  for (const { connector, action } of plan.actions) {
    const known = await find(connector, action)
    if (known !== undefined)
      blocks.push(
        promptData(
          `get_action ${connector}.${action}`,
          { input: known.inputSchema, output: known.outputSchema },
          20_000,
        ),
      )
  }
  return `The approved plan:\n${promptData('plan', plan)}\n\nThe actions it calls:\n${[...new Set(blocks)].join('\n')}`
}

/** What a model's code may reach: the actions it is to call, and what of the rest is seen in it, for a person to allow. */
export async function reachOfCode(
  acting: Acting,
  code: string,
  plan: IntegrationPlan | null,
): Promise<{ reach: CodeReach; reaches: string[] }> {
  const { reaches, connectors } = (await acting.call('validate_workflow', { code })) as unknown as {
    reaches: string[]
    connectors: { slug: string; action: string }[]
  }
  const called = connectors.map(({ slug, action }) => `${slug}.${action}`)
  const planned = plan?.actions.map(({ connector, action }) => `${connector}.${action}`)
  const [fetch, secrets, workflows] = ['fetch', 'secrets', 'workflows'].map((one) => reaches.includes(one))
  return {
    reaches,
    reach: {
      actions: [...new Set(planned ?? called)].sort(),
      fetch: fetch === true,
      secrets: secrets === true,
      workflows: workflows === true,
    },
  }
}

export interface CodeReach {
  actions: string[]
  fetch: boolean
  secrets: boolean
  workflows: boolean
}

/** What `validate_workflow` says, and whether the code keeps to the plan's actions. */
export async function codeProblems(
  acting: Acting,
  plan: IntegrationPlan | null,
  code: string,
): Promise<string[]> {
  const checked = (await acting.call('validate_workflow', { code })) as {
    issues: { line: number | null; message: string; hint: string | null }[]
    connectors: { slug: string; action: string }[]
  }
  const issues = checked.issues.map(({ line, message, hint }) =>
    [line === null ? '' : `line ${line}:`, message, hint ?? ''].filter(Boolean).join(' '),
  )
  if (plan === null) return issues
  const planned = new Set(plan.actions.map(({ connector, action }) => `${connector}.${action}`))
  const called = new Set(checked.connectors.map(({ slug, action }) => `${slug}.${action}`))
  const missing = [...planned]
    .filter((name) => !called.has(name))
    .map((name) => `The plan calls ${name}; the code does not. Call it as ctx.connectors.${name}(…).`)
  const more = [...called]
    .filter((name) => !planned.has(name))
    .map((name) => `The code calls ${name}, which the plan does not.`)
  return [...issues, ...missing, ...more]
}
