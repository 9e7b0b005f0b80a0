import { toAppError } from '../../core/errors.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { nothingTakenBack, takeBackBy } from '../frame/taking-back.ts'
import { takeBackDocs, tellDocsRead } from './docs-read.ts'
import type { State } from './state.ts'

/** Keeps the connector as it is before this run changes it first; null: there is none yet. */
export const keepBefore = (run: RunContext, connector: string): Promise<number | null> =>
  run.first(`before_${connector}`, () => keep(run, connector))

/** The same, before its first patch. */
export const keepUnpatched = (run: RunContext, connector: string): Promise<number | null> =>
  run.first(`unpatched_${connector}`, () => keep(run, connector))

async function keep(run: RunContext, connector: string): Promise<number | null> {
  try {
    return Number((await run.call('keep_connector_version', { connector })).version)
  } catch (cause) {
    if (toAppError(cause).code === 'not_found') return null
    throw cause
  }
}

/** Counts the changes of the connector: later ones are not this run's. */
export const revisionOf = async (run: RunContext, connector: string): Promise<number> =>
  Number(((await run.call('get_connector', { connector })).connector as { revision: number }).revision)

/** The id of the connector, if this run made it. */
async function madeByRun(run: RunContext, slug: string): Promise<string | null> {
  for (const { output } of await run.did(['create_connector', 'import_spec'])) {
    const connector = output.connector as { id: string; slug: string } | null
    // A preview of an import stores nothing and lists operations.
    const stored = connector !== null && (output.operations ?? null) === null
    if (stored && connector.slug === slug && output.replaced !== true) return connector.id
  }
  return null
}

/** What rejecting will do, for the person to know before. */
export async function tellRejecting(state: State, run: RunContext): Promise<string> {
  const { made, before, unpatched } = state
  const connector = made?.connector ?? ''
  const docs = await tellDocsRead(run)
  if ((await madeByRun(run, connector)) !== null)
    return `Rejecting deletes '${connector}', which this run made; if accounts are connected to it or workflows call it by then, it stays, without the patches.${docs}`
  return before === null
    ? `Rejecting takes the patches back: version ${unpatched} is made the current one again.${docs}`
    : `Rejecting takes back all this run did to it: version ${before}, from before the run, is made the current one again.${docs}`
}

/** Takes back what was rejected: what others changed since stays, and is told. */
export async function takeBack(state: State, run: RunContext): Promise<Partial<State>> {
  const { accepted, made, before, unpatched, revision } = state
  if (accepted || made === null || unpatched === null) return {}
  const { connector } = made
  const told = nothingTakenBack()
  // Before the connector, whose documentation goes with it.
  await takeBackDocs(run, told)
  const ifRevision = revision === null ? {} : { ifRevision: revision }
  const own = await madeByRun(run, connector)
  if (own !== null) {
    const input = { connector: own, unlessCalled: true, ...ifRevision }
    if (
      await takeBackBy(run, told, { what: `the connector '${connector}'`, tool: 'delete_connector', input })
    )
      return { undone: { ...told, connector: 'deleted' } }
  }
  const version = before ?? unpatched
  const restored = await takeBackBy(run, told, {
    what: before === null ? `the patches of '${connector}'` : `what was done to '${connector}'`,
    tool: 'restore_connector_version',
    input: { connector: own ?? connector, version, ...ifRevision },
  })
  if (restored) await run.message(`'${connector}' is as version ${version} has it again.`)
  return { undone: { ...told, connector: restored ? 'restored' : null } }
}
