import { z } from 'zod'
import { MAX_ACTIONS } from '../../agents/manual-action-builder/build-from-docs.ts'
import { chooseOperations, type Operation } from '../../agents/spec-import-builder/choose-operations.ts'
import { AppError, conflict, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { modelOf } from './model-of.ts'
import type { ConnectorRunInput, State } from './state.ts'

const MAX_SHOWN = 200

/** Finds the API's description, or goes by its documentation; settles which operations are wanted. */
export async function discover({ input }: State, run: RunContext): Promise<Partial<State>> {
  const preview = await previewOf(input, run)
  if (preview === undefined) return discoverDocs(input, run)
  const { slug, operations, existing, newAddresses } = preview
  if (existing && input.replace !== true) {
    throw conflict(`There is a connector '${slug}' already.`, {
      where: 'slug',
      hint: 'Give replace: true to make its next version, or another slug.',
    })
  }
  const { chosen, reason } = await choose(input, operations, run)
  // The address a person gave is theirs to give.
  const given = input.baseUrl === undefined ? '' : new URL(input.baseUrl).origin
  const moved = newAddresses.filter((address) => address !== given)
  const warning =
    moved.length === 0 ? '' : ` Credentials of its accounts would be sent to ${moved.join(', ')} then.`
  const answer = await run.handback({
    point: 'after_discovery',
    question: `The description has ${operations.length} operations; ${chosen === null ? 'all' : chosen.length} are proposed for '${slug}'.${warning} Make the connector?`,
    details: {
      slug,
      found: operations.length,
      proposed: (chosen ?? operations.map(({ operation }) => operation)).slice(0, MAX_SHOWN),
      reason,
      newAddresses,
    },
    answer: z.object({
      proceed: z.boolean().describe('Make the connector?'),
      operations: z
        .string()
        .default('')
        .describe(
          'Other operations in place of the proposed ones, separated by commas; "all"; empty: as proposed.',
        ),
    }),
    // Where accounts' credentials go is never settled by what a description says, in Auto mode neither.
    ...(moved.length > 0 ? {} : { default: { proceed: true, operations: '' } }),
  })
  if (!answer.proceed) return { discovery: null, notTested: 'Nothing was made, as answered after discovery.' }
  const wanted = answer.operations.trim()
  const own = wanted
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  const settled = wanted === '' ? chosen : wanted === 'all' ? null : own
  return { discovery: { route: 'spec', slug, operations: settled, found: operations.length, reason } }
}

interface Preview {
  slug: string
  operations: Operation[]
  existing: boolean
  newAddresses: string[]
}

/** Undefined: there is no description to go by, but documentation. */
async function previewOf(input: ConnectorRunInput, run: RunContext): Promise<Preview | undefined> {
  const source = sourceOf(input)
  const hasDocs = (input.docs ?? []).length > 0
  if (Object.keys(source).length === 0) {
    if (hasDocs) return undefined
    throw new AppError('invalid_input', 'There is nothing to build the connector from.', {
      where: 'spec',
      hint: 'Give spec, url or discover for an API description, or docs for documentation in prose.',
    })
  }
  try {
    const found = await run.call('import_spec', { ...source, ...namesOf(input), preview: true })
    return {
      slug: String(found.slug),
      operations: found.operations as unknown as Operation[],
      existing: found.connector !== null,
      newAddresses: (found.newAddresses ?? []) as string[],
    }
  } catch (cause) {
    if (toAppError(cause).code === 'not_found' && hasDocs) return undefined
    throw cause
  }
}

export const sourceOf = ({ spec, url, discover: target }: ConnectorRunInput): JsonObject => ({
  ...(spec === undefined ? {} : { spec }),
  ...(url === undefined ? {} : { url }),
  ...(target === undefined ? {} : { discover: target }),
})

export const namesOf = ({ name, slug, baseUrl }: ConnectorRunInput): JsonObject => ({
  ...(name === undefined ? {} : { name }),
  ...(slug === undefined ? {} : { slug }),
  ...(baseUrl === undefined ? {} : { baseUrl }),
})

/** The named operations; those a model takes for the goal; without either, all. */
async function choose(
  { operations: named, goal }: ConnectorRunInput,
  operations: readonly Operation[],
  run: RunContext,
): Promise<{ chosen: string[] | null; reason: string }> {
  if (named !== undefined) return { chosen: named, reason: 'They were named.' }
  const model = modelOf(run)
  if (goal === undefined) return { chosen: null, reason: 'No goal is given, so all are taken.' }
  if (model === undefined)
    return { chosen: null, reason: 'No model is configured to choose by the goal, so all are taken.' }
  const found = await chooseOperations(model, goal, operations)
  if (found.chosen.length > 0) return found
  return { chosen: null, reason: 'The model named none of the operations, so all are taken.' }
}

async function discoverDocs(input: ConnectorRunInput, run: RunContext): Promise<Partial<State>> {
  run.model() // throws what to configure: prose needs a reader
  const named = input.operations?.length ?? 0
  if (named > MAX_ACTIONS)
    throw new AppError(
      'invalid_input',
      `${named} operations are named; from documentation in prose, ${MAX_ACTIONS} are written at a time.`,
      {
        where: 'operations',
        hint: `Name the first ${MAX_ACTIONS}, then the others with replace: true and the same slug.`,
      },
    )
  const answer = await run.handback({
    point: 'after_discovery',
    question: `No description was found; ${input.docs?.length ?? 0} pages of documentation are to be read, and actions written from them by a model. Go on?`,
    details: { docs: input.docs ?? [] },
    answer: z.object({ proceed: z.boolean().describe('Read them and write actions?') }),
    default: { proceed: true },
  })
  if (!answer.proceed) return { discovery: null, notTested: 'Nothing was made, as answered after discovery.' }
  const reason = 'Written from documentation.'
  return { discovery: { route: 'docs', slug: input.slug ?? null, operations: null, found: 0, reason } }
}
