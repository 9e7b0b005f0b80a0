import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { Acting, AgentCard } from '../acting.ts'
import { checkedAnswer } from '../checked-answer.ts'
import { promptData } from '../prompt-data.ts'
import { checkPlan, type FindAction, type KnownAction } from './check-plan.ts'
import { PLAN, UNDERSTAND } from './prompt.ts'

export const planner = {
  purpose:
    'Turns a request into an integration plan of actions that exist and fields that fit, asking at most four business questions.',
  tools: ['list_connectors', 'list_actions', 'get_action'],
} as const satisfies AgentCard

const MAX_CONNECTORS = 200
const ACTIONS_PER_NEED = 5
const SCHEMA_BYTES = 6_000
/** Of all actions shown with their schemas; the rest is named only. */
const MAX_SCHEMA_CHARS = 90_000

export const Understanding = z.object({
  needs: z
    .array(
      z.object({
        app: z.string().describe('The app as the person calls it.'),
        connector: z
          .string()
          .nullable()
          .describe('Slug of its connector from the list; null: there is none.'),
        find: z.string().describe('What it must do, in a few words, to search its actions by.'),
      }),
    )
    .min(1)
    .max(10),
  questions: z
    .array(
      z.object({
        question: z.string(),
        why: z.string().describe('What depends on it.'),
        options: z.array(z.string()).max(6).describe('Likely answers; the person may give another.'),
        assumed: z.string().describe('The answer if nobody gives one.'),
      }),
    )
    .max(4),
})
export type Understanding = z.output<typeof Understanding>

/** What the request needs of which connectors, and what must be asked. */
export async function understand(acting: Acting, request: string): Promise<Understanding> {
  const { connectors } = await acting.call('list_connectors', { limit: MAX_CONNECTORS })
  const known =
    (connectors as { slug: string; name: string; description: string; actionCount: number }[]) ?? []
  const shown = known.map(({ slug, name, description, actionCount }) => ({
    slug,
    name,
    description: description.slice(0, 200),
    actions: actionCount,
  }))
  const slugs = new Set(known.map(({ slug }) => slug))
  return checkedAnswer(
    acting.model(),
    {
      tier: 'plan',
      name: 'understanding',
      system: UNDERSTAND,
      prompt: `The request:\n${promptData('request of the person', request)}\n\nThe connectors there are:\n${promptData('list_connectors', shown)}`,
      schema: Understanding,
    },
    ({ needs }) =>
      needs
        .filter(({ connector }) => connector !== null && !slugs.has(connector))
        .map(({ connector }) => `There is no connector '${connector}'. Give a slug of the list, or null.`),
  )
}

/** A plan whose actions exist and whose fields fit. @param feedback what the person wants changed of the plan before */
export async function writePlan(
  acting: Acting,
  given: {
    request: string
    understanding: Understanding
    answers: Record<string, string>
    before: { plan: IntegrationPlan; feedback: string } | null
  },
): Promise<IntegrationPlan> {
  const { request, understanding, answers, before } = given
  const find = finder(acting)
  const actions = await candidates(acting, understanding)
  const answered = understanding.questions.map(
    ({ question, assumed }, n) => `${question}\n${answers[`q${n + 1}`] ?? assumed}`,
  )
  const prompt = [
    `The request:\n${promptData('request of the person', request)}`,
    answered.length === 0
      ? ''
      : `Asked and answered:\n${promptData('answers of the person', answered.join('\n\n'))}`,
    `The actions to choose from:\n${await shownActions(actions, find)}`,
    before === null
      ? ''
      : `Your plan before:\n${promptData('plan', before.plan)}\nThe person wants this changed:\n${promptData('feedback of the person', before.feedback)}`,
    'Write the plan.',
  ]
  return checkedAnswer(
    acting.model(),
    {
      tier: 'plan',
      name: 'integration_plan',
      system: PLAN,
      prompt: prompt.filter(Boolean).join('\n\n'),
      schema: IntegrationPlan,
    },
    (plan) => checkPlan(plan, find),
  )
}

async function candidates(
  acting: Acting,
  { needs }: Understanding,
): Promise<{ connector: string; slug: string }[]> {
  const found = new Map<string, { connector: string; slug: string }>()
  for (const { connector, find } of needs) {
    if (connector === null) continue
    const { actions } = await acting.call('list_actions', {
      connector,
      query: find.slice(0, 500) || 'list',
      limit: ACTIONS_PER_NEED,
    })
    for (const { slug } of actions as { slug: string }[])
      found.set(`${connector}.${slug}`, { connector, slug })
  }
  return [...found.values()]
}

async function shownActions(
  actions: readonly { connector: string; slug: string }[],
  find: FindAction,
): Promise<string> {
  const blocks: string[] = []
  let room = MAX_SCHEMA_CHARS
  for (const { connector, slug } of actions) {
    const known = await find(connector, slug)
    if (known === undefined) continue
    const { description, effect, inputSchema, outputSchema } = known
    const whole = promptData(`get_action ${connector}.${slug}`, {
      connector,
      action: slug,
      effect,
      description,
      input: inputSchema,
      output: outputSchema,
    })
    if (whole.length > room) {
      blocks.push(
        promptData(`get_action ${connector}.${slug}`, {
          connector,
          action: slug,
          effect,
          description: description.slice(0, 300),
          note: 'schemas left out',
        }),
      )
      continue
    }
    room -= whole.length
    blocks.push(whole)
  }
  return blocks.join('\n')
}

/** Looks actions up, each once. @throws AppError what is not "there is none" */
export function finder(acting: Acting): FindAction {
  const known = new Map<string, KnownAction | undefined>()
  return async (connector, action) => {
    const key = `${connector}.${action}`
    if (!known.has(key)) known.set(key, await lookUp(acting, connector, action))
    return known.get(key)
  }
}

async function lookUp(acting: Acting, connector: string, action: string): Promise<KnownAction | undefined> {
  try {
    const found = await acting.call('get_action', { connector, action, maxSchemaBytes: SCHEMA_BYTES })
    const about: JsonObject = isJsonObject(found.action) ? found.action : {}
    return {
      connector,
      action,
      description: String(about.description ?? ''),
      effect: String(about.effect ?? ''),
      inputSchema: found.inputSchema ?? {},
      outputSchema: found.outputSchema ?? null,
    }
  } catch (cause) {
    const error = toAppError(cause)
    // Also a name that cannot be one: '' or with a slash in it.
    if (error.code === 'not_found' || error.code === 'invalid_input') return undefined
    throw error
  }
}
