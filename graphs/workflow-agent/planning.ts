import { z } from 'zod'
import { understand, writePlan } from '../../agents/planner/agent.ts'
import { planDocument } from '../../agents/planner/plan-document.ts'
import { invalidInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { isAllowed } from '../../runtime/connections/may-write.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { onlyWhen } from '../frame/only-when.ts'
import { Decision, decide, decided } from './decision.ts'
import { made, type Update, type WorkflowState } from './state.ts'
import { effectsOf, mustAsk } from './writing.ts'

const Missing = z.object({
  next: z
    .enum(['look_again', 'go_on', 'stop'])
    .describe('look_again: the connectors are there now. go_on: plan with those there are. stop: end here.'),
})

/** What the request needs, and what must be asked. */
export async function understandRequest({ input }: WorkflowState, run: RunContext): Promise<Update> {
  await requireTestEnvironment(run, input.environment)
  return { understanding: await understand(run, input.request ?? '') }
}

/**
 * Nothing is tried out where customers would notice.
 * @throws AppError `invalid_input` for an environment there is not, or a production one
 */
export async function requireTestEnvironment(run: RunContext, slug: string | undefined): Promise<void> {
  if (slug === undefined) return
  const { environments } = (await run.call('list_environments', {})) as unknown as {
    environments: { slug: string; production: boolean }[]
  }
  const usable = environments.filter(({ production }) => !production).map((one) => one.slug)
  if (usable.includes(slug)) return
  throw invalidInput(`'${slug}' is no environment to test in.`, {
    where: 'environment',
    hint: `Give one of: ${usable.join(', ')}. deploy_workflow puts a tested workflow into production.`,
  })
}

/** Asks for connectors that are not there, then the business questions, all at once. */
export async function askQuestions({ understanding }: WorkflowState, run: RunContext): Promise<Update> {
  const { needs, questions } = made(understanding, 'an understanding')
  const apps = [...new Set(needs.filter(({ connector }) => connector === null).map(({ app }) => app))]
  if (apps.length > 0) {
    const { next } = await run.handback({
      point: 'missing_connectors',
      question: `There is no connector for ${apps.join(', ')}. Make one with import_spec or build_connector, then look again.`,
      details: { apps },
      answer: Missing,
    })
    if (next === 'look_again') return { understanding: null }
    if (next === 'stop') return { stopped: 'missing_connectors' }
  }
  if (questions.length === 0) return { answers: {} }
  const fields = questions.map(({ question, options, assumed }, n) => {
    const likely = options.length === 0 ? '' : ` For example: ${options.join(' / ')}.`
    return [`q${n + 1}`, z.string().max(5_000).default(assumed).describe(`${question}${likely}`)] as const
  })
  const answers = await run.handback({
    point: 'questions',
    question:
      questions.length === 1
        ? 'One question before the plan is written.'
        : `${questions.length} questions before the plan is written.`,
    details: { questions },
    answer: z.object(Object.fromEntries(fields)),
    default: Object.fromEntries(questions.map(({ assumed }, n) => [`q${n + 1}`, assumed])),
  })
  return { answers }
}

/** The plan, and its document. */
export async function draftPlan(state: WorkflowState, run: RunContext): Promise<Update> {
  const { input, understanding, answers, feedback } = state
  const plan = await writePlan(run, {
    request: input.request ?? '',
    understanding: made(understanding, 'an understanding'),
    answers,
    before: state.plan === null || feedback === '' ? null : { plan: state.plan, feedback },
  })
  await run.artifact({
    kind: 'integration_plan',
    title: `plan-${plan.slug}.md`,
    content: planDocument(plan),
  })
  return { plan, feedback: '' }
}

const destroys = (destructive: readonly string[]): string =>
  destructive.length === 0 ? '' : ` It destroys: ${destructive.join(', ')}.`

/** Of a plan that is written and no more. */
export async function approvePlan({ plan }: WorkflowState, run: RunContext): Promise<Update> {
  const ready = made(plan, 'a plan')
  const { destructive } = await effectsOf(ready.actions, run)
  const details = { document: planDocument(ready), plan: ready as unknown as JsonObject, destructive }
  const question = `Build it as planned: ${ready.title}?${destroys(destructive)}`
  return decide(run, { point: 'after_planning', question, details }, destructive.length > 0)
}

const PlanDecision = Decision.extend({
  testCases: onlyWhen(
    z
      .enum(['live', 'mock'])
      .default('live')
      .describe(
        'live: test cases may call the apps, and write in them as planned. mock: mocks answer in their place.',
      ),
    { decision: ['approve'] },
  ),
})

/**
 * Of a plan that is built, tried and deployed: in Auto mode too a person reads it where it writes with what the input does
 * not allow. The words of the request do not say what that is: "when an order is paid" asks for no payment. What a model
 * says they ask for is no better: it has read descriptions that others wrote.
 */
export async function approvePlanToBuild({ plan, input }: WorkflowState, run: RunContext): Promise<Update> {
  const ready = made(plan, 'a plan')
  const { writes, destructive } = await effectsOf(ready.actions, run)
  const unasked = writes.filter((name) => !isAllowed(input.mayWrite ?? [], name))
  const told =
    unasked.length === 0
      ? ''
      : ` It writes with ${unasked.join(', ')}, and its live test cases really do (testCases: mock has them run against mocks).`
  const answer = await run.handback({
    point: 'after_planning',
    question: `Build it as planned: ${ready.title}?${told}${destroys(destructive)}`,
    details: { document: planDocument(ready), plan: ready as unknown as JsonObject, destructive, writes },
    answer: PlanDecision,
    ...(destructive.length > 0 || mustAsk(run, unasked) ? {} : { default: { decision: 'approve' as const } }),
  })
  return {
    ...decided('after_planning', answer.decision, answer.feedback),
    mayWrite: writes,
    onlyMocks: answer.testCases === 'mock',
  }
}
