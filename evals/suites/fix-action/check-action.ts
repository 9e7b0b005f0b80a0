import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'
import { type Doors, ToolFailure } from '../../doors.ts'
import { ITEMS } from '../../environments/described-api/answers.ts'
import type { Arrived, DescribedApi } from '../../environments/described-api/api.ts'
import { sampleInputs } from './sample.ts'

/** What a correct action was seen to do, which a mended one must do again. */
export interface Behaviour {
  /** What of the description's was sent when everything was given. */
  sent: string[]
  /** What is told of an answer that is not as described. */
  warnings: string[]
  /** Do its pages lead to all items? Undefined: it has no pages. */
  collects?: true
}

export interface ActionCheck {
  problems: string[]
  behaviour: Behaviour
}

export interface CheckedAction {
  doors: Doors
  api: DescribedApi
  definition: ConnectorDefinition
  action: ActionDefinition
}

/**
 * Runs an action against the API as its own schema says, with the least and with the most input, and looks at what
 * arrived: the API must accept it, and its answers must be as the action describes them.
 */
export async function checkAction(checked: CheckedAction, collects: boolean): Promise<ActionCheck> {
  const { api, definition, action } = checked
  const { least, most } = sampleInputs(definition, action)
  const problems: string[] = []
  api.arrived()
  problems.push(...(await problemsOfRun(checked, least, 'with the least input')))
  if (problems.length > 0) return { problems, behaviour: { sent: [], warnings: [] } }
  api.arrived()
  problems.push(...(await problemsOfRun(checked, most, 'with all input')))
  const sent = sentTo(api.arrived())
  if (problems.length > 0) return { problems, behaviour: { sent, warnings: [] } }
  const { warnings = [] } = await run(checked, least, {}, () => api.garbleNext())
  // The last call is one in order: what is garbled here is no failure of the action.
  await run(checked, least)
  const behaviour: Behaviour = { sent, warnings }
  if (!collects) return { problems, behaviour }
  const { collected } = await run(checked, least, { collect: { maxItems: 100, maxPages: 10 } })
  if (collected?.complete === true && collected.items.length === ITEMS) behaviour.collects = true
  else problems.push(`its pages gave ${collected?.items.length ?? 0} of ${ITEMS} items`)
  return { problems, behaviour }
}

/** Does it do all that the correct action did? */
export function shortOf(found: Behaviour, wanted: Behaviour): string[] {
  const missing = wanted.sent.filter((name) => !found.sent.includes(name))
  return [
    ...(missing.length === 0 ? [] : [`it no longer sends ${missing.join(', ')}`]),
    ...(JSON.stringify(found.warnings) === JSON.stringify(wanted.warnings)
      ? []
      : ['a wrong answer is not told as it was']),
    ...(wanted.collects === found.collects ? [] : ['its pages do not lead to all items']),
  ]
}

const sentTo = (arrived: readonly Arrived[]): string[] => [
  ...new Set(arrived.filter(({ status }) => status < 300).flatMap(({ sent }) => sent)),
]

interface Ran {
  warnings?: string[]
  failure?: string
  collected?: { items: unknown[]; complete: boolean }
}

async function problemsOfRun(checked: CheckedAction, input: object, when: string): Promise<string[]> {
  const { failure, warnings = [] } = await run(checked, input)
  if (failure !== undefined) return [`${when}: ${failure}`]
  return warnings.map((warning) => `${when}: ${warning}`)
}

/** Patchbay gives an answer unchecked rather than late; on a busy machine it is asked again. */
const UNCHECKED = /^The output was not checked: it took/
const MAX_TRIES = 5

async function run(
  { doors, definition, action }: CheckedAction,
  input: object,
  extra: object = {},
  before: () => void = () => {},
): Promise<Ran> {
  for (let attempt = 1; ; attempt += 1) {
    before()
    try {
      const ran: Ran = await doors.call('run_action', {
        connector: definition.slug,
        action: action.slug,
        input,
        ...extra,
      })
      if (attempt === MAX_TRIES || !ran.warnings?.some((warning) => UNCHECKED.test(warning))) return ran
    } catch (error) {
      if (error instanceof ToolFailure && error.status !== 429)
        return { failure: error.message.slice(0, 300) }
      throw error // nothing that the action is to blame for
    }
  }
}
