import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Doors } from '../../doors.ts'
import { type Office, openOffice } from '../../environments/apps/office.ts'
import { organizationState } from '../../environments/organization.ts'
import { playPerson, type Question } from '../../environments/person.ts'
import { changesIn } from '../../environments/state.ts'
import type { OpenSuite, Suite, SuiteOptions, Task } from '../../suite.ts'
import { type Catalog, judgePlan } from './judge-plan.ts'
import { judgeQuestions } from './judge-questions.ts'
import { meantBySeed } from './meant.ts'
import { playedPlanner } from './played.ts'
import { agent, client, guess } from './policies.ts'
import { factsOf, guessing, type Meant, type Plan, requestOf } from './wish.ts'

/** What whoever plans is told, and whom it may ask. */
export interface PlanSituation {
  request: string
  ask(questions: readonly Question[]): string[]
  /** Hands the plan in; the last one counts. Tells why something is no plan at all. */
  submit(plan: unknown): string[]
  /** The plan that whoever guesses what was not asked would write: for `guess`, which shows what asking is worth. */
  guessed(): Plan
}

/** From a wish, a world and a person who knows more to an integration plan. Setting: `wishes`, by name. */
export const plan: Suite<PlanSituation> = {
  name: 'plan',
  description: 'Turn a wish into an integration plan, asking the person what changes it and nothing else.',
  baseline: 'guess',
  policies: { guess, agent, client },
  played: ({ seed, count, settings }) => {
    const meant = meantBySeed(seed, count, settings.wishes)
    return { script: playedPlanner(meant), count: meant.length }
  },
  async open(options): Promise<OpenSuite<PlanSituation>> {
    const { doors, seed, count, settings } = options
    const meant = meantBySeed(seed, count, settings.wishes)
    const office = await openOffice(doors)
    try {
      const world = { office, catalog: await catalogOf(doors), fits: await planCheck(doors) }
      return {
        async *tasks() {
          for (const [number, one] of meant.entries()) yield await taskOf(options, world, one, number)
        },
        fixtures: async () => ({ apps: office.state(), organization: await organizationState(doors) }),
        notes: () => ({ wishes: [...new Set(meant.map(({ wish }) => wish.name))] }),
        close: office.close,
      }
    } catch (error) {
      await office.close()
      throw error
    }
  },
}

interface World {
  office: Office
  catalog: Catalog
  /** Why something is no plan; empty when it is one. */
  fits(given: unknown): string[]
}

async function taskOf(
  { doors }: SuiteOptions,
  { office, catalog, fits }: World,
  meant: Meant,
  number: number,
): Promise<Task<PlanSituation>> {
  const { wish, chosen, hidden } = meant
  const person = playPerson(factsOf(meant))
  let submitted: unknown
  const state = async () => ({ ...(await organizationState(doors)), ...office.state() })
  const before = await state()
  const submit = (given: unknown) => {
    submitted = given
    return fits(given)
  }
  const told = () => person.asked().flatMap(({ facts }) => facts)
  return {
    id: `${number} ${wish.name}: ${Object.values(chosen).join(', ')}; unsaid: ${hidden.join(', ') || 'nothing'}`,
    class: hidden.length === 0 ? 'nothing to ask' : `${hidden.length} to ask`,
    environment: wish.name,
    situation: {
      request: requestOf(meant),
      ask: person.ask,
      submit,
      guessed: () => wish.plan(guessing(meant, told())),
    },
    async check() {
      const problems = submitted === undefined || submitted === null ? ['there is no plan'] : fits(submitted)
      if (problems.length === 0)
        problems.push(
          ...judgePlan(submitted as Plan, wish.wanted(chosen), catalog),
          ...judgeQuestions(person.asked(), hidden),
        )
      return { passed: problems.length === 0, problems }
    },
    regressions: async () => changesIn(before, await state()),
    async solve() {
      const asked = questionsOf(meant)
      const answers = person.ask(asked)
      submit(wish.plan(guessing(meant, told())))
      return { trajectory: [{ kind: 'note', title: 'asked', input: asked, output: answers }] }
    },
    async reset() {
      submitted = undefined
      person.forget()
      office.reset()
    },
    restart: async () => {},
  }
}

/** What a good planner asks. */
export const questionsOf = ({ wish, hidden }: Meant): Question[] =>
  wish.choices.filter(({ name }) => hidden.includes(name)).map(({ question }) => question)

/** Every action there is, with what it takes. */
async function catalogOf(doors: Doors): Promise<Catalog> {
  const catalog = new Map()
  const { connectors } = await doors.call('list_connectors', { limit: 100 })
  for (const { slug: connector } of connectors as { slug: string }[]) {
    const { actions } = await doors.call('list_actions', { connector, limit: 100 })
    for (const { slug } of actions as { slug: string }[]) {
      const { action, inputSchema } = await doors.call('get_action', { connector, action: slug })
      catalog.set(`${connector}.${slug}`, {
        effect: action.effect,
        fields: Object.keys(inputSchema.properties ?? {}),
        required: inputSchema.required ?? [],
      })
    }
  }
  return catalog
}

/** A plan is what generate_workflow takes for one: its own schema says. */
async function planCheck(doors: Doors): Promise<World['fits']> {
  const { inputSchema } = await doors.call('describe_tool', { name: 'generate_workflow' })
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  const check = ajv.compile({ ...inputSchema, $id: 'generate_workflow' })
  return (given) => {
    if (check({ plan: given })) return []
    return [`it is no integration plan: ${ajv.errorsText(check.errors).slice(0, 500)}`]
  }
}
