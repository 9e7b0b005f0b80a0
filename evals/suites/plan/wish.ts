import type { IntegrationPlan } from '../../../tools/agents/integration-plan.ts'
import type { Fact, Question } from '../../environments/person.ts'

export type Plan = IntegrationPlan
/** By name of the choice, which of its values holds. */
export type Chosen = Readonly<Record<string, string>>

/** Something the wish leaves open, and each answer makes another plan. */
export interface Choice {
  name: string
  about: RegExp
  /** As a good planner asks it. */
  question: Question
  /** What the person says, by value; the first is what one would guess. */
  values: Readonly<Record<string, string>>
}

/** Where a field may come from: any of the fields, of what starts it or of what a call gives. */
export interface Source {
  of: 'input' | string
  fields: readonly string[]
}

/** What a plan must come to, whatever its words. */
export interface Wanted {
  trigger: { type: 'webhook' } | { type: 'schedule'; cron: string; timeZone: string }
  tenancy: Plan['tenancy']
  /** Calls that change something: these, and no others. */
  writes: readonly string[]
  /** Calls that it cannot do without, though they only read. */
  reads: readonly string[]
  fields: readonly WantedField[]
  onFailure?: readonly { action: string; is: 'halt' | 'skip' }[]
  /** Values that a rule, a mapping or a purpose has to name, and such as none may. */
  names?: readonly string[]
  namesNot?: readonly string[]
}

export interface WantedField {
  action: string
  target: string
  from?: readonly Source[]
  /** The two sides differ: something has to be done to it. */
  changed?: true
  fixed?: string
  /** The app does the same when it is not given. */
  orLeftOut?: true
}

/** A kind of wish: its text, what it leaves open, the plan for each way it can be meant, and how any plan is judged. */
export interface Wish {
  name: string
  text: string
  choices: readonly Choice[]
  plan(chosen: Chosen): Plan
  wanted(chosen: Chosen): Wanted
}

/** A wish as somebody has it. */
export interface Meant {
  wish: Wish
  chosen: Chosen
  /** Names of what the text does not say. */
  hidden: readonly string[]
}

const sentenceOf = ({ name, values }: Choice, chosen: Chosen): string => values[chosen[name] ?? ''] ?? ''

/** What the person says at first. */
export const requestOf = ({ wish, chosen, hidden }: Meant): string =>
  [
    wish.text,
    ...wish.choices.filter(({ name }) => !hidden.includes(name)).map((choice) => sentenceOf(choice, chosen)),
  ].join(' ')

/** What the person knows, said or not. */
export const factsOf = ({ wish, chosen, hidden }: Meant): Fact[] =>
  wish.choices.map((choice) => ({
    name: choice.name,
    about: choice.about,
    told: sentenceOf(choice, chosen),
    said: !hidden.includes(choice.name),
  }))

/** The same, where the answers to what nobody asked are guessed: the first of each. */
export const guessing = ({ wish, chosen, hidden }: Meant, told: readonly string[]): Chosen =>
  Object.fromEntries(
    wish.choices.map(({ name, values }) => [
      name,
      hidden.includes(name) && !told.includes(name) ? (Object.keys(values)[0] ?? '') : (chosen[name] ?? ''),
    ]),
  )

type Mapping = Plan['mappings'][number]

/** A mapping in a line: `map('create', 'email', 'input.email')`, `map('create', 'list', { fixed: 'news' })`. */
export const map = (
  step: string,
  target: string,
  source: string | { fixed: string },
  transform: string | null = null,
): Mapping => ({
  ...{ step, target, transform, reason: 'The same thing on both sides.' },
  source: typeof source === 'string' ? source : null,
  fixed: typeof source === 'string' ? null : source.fixed,
})

/** A call in a line. */
export const call = (
  step: string,
  name: `${string}.${string}`,
  purpose: string,
  onFailure: 'halt' | 'skip' = 'halt',
): Plan['actions'][number] => {
  const [connector = '', action = ''] = name.split('.')
  return { step, connector, action, purpose, onFailure }
}

/** A field of what starts it. */
export const field = (
  path: string,
  type: Plan['input'][number]['type'],
  example: string,
): Plan['input'][number] => ({ path, type, required: true, description: 'As the sender posts it.', example })
