import { z } from 'zod'
import { definitionOf } from '../../agents/action-fixer/candidate.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import type { State } from './state.ts'

/** Compares with the description as it is now, hands back with what the changes hit, and takes them over. */
export async function takeOver({ input }: State, run: RunContext): Promise<Partial<State>> {
  const { connector, spec, url } = input
  if (connector === undefined) return {}
  const source = { ...(spec === undefined ? {} : { spec }), ...(url === undefined ? {} : { url }) }
  const found = await run.call('check_connector_drift', { connector, ...source })
  const { drifted, proposal, changes, newAddresses, impact, customers, customersTotal } = found
  const made = async () => {
    const { slug, actions } = await definitionOf(run.call, connector)
    return { connector: slug, actions: actions.map((action) => action.slug), leftOut: [] }
  }
  if (drifted !== true || proposal === null) {
    await run.message(`'${connector}' is as its API's description has it.`)
    return { made: await made() }
  }
  await run.artifact({ kind: 'diff', title: `Drift of ${connector}`, content: found as Json })
  const hit = (impact as { workflows: unknown[] }).workflows.length
  const moved = newAddresses as string[]
  const warning =
    moved.length === 0 ? '' : ` Accounts’ credentials would be sent to ${moved.join(', ')} then.`
  const answer = await run.handback({
    point: 'after_discovery',
    question: `The API of '${connector}' has changed. Taking the changes over reaches ${hit} workflows and ${String(customersTotal)} customers at once.${warning} Take them over?`,
    details: { changes, newAddresses, impact, customers } as JsonObject,
    answer: z.object({ proceed: z.boolean().describe('Take the changes over?') }),
    // Where credentials go is never settled by what a description says, in Auto mode neither.
    ...(moved.length > 0 || movesCredentials(changes) ? {} : { default: { proceed: true } }),
  })
  if (!answer.proceed)
    return { made: await made(), notTested: 'The changes were not taken over, as answered.' }
  await run.call('import_spec', { ...(proposal as JsonObject), ...(spec === undefined ? {} : { spec }) })
  return { made: await made() }
}

const CREDENTIAL_FIELDS = ['baseUrl', 'authMethods', 'variables']

function movesCredentials(changes: unknown): boolean {
  const { connector, breaking } = changes as { connector: string[]; breaking: { where: string }[] }
  // A part of a field is told after a dot: authMethods.oauth.
  return [...connector, ...breaking.map(({ where }) => where)].some((field) =>
    CREDENTIAL_FIELDS.some((held) => field === held || field.startsWith(`${held}.`)),
  )
}
