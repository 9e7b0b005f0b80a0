import { z } from 'zod'
import { definitionOf } from '../../agents/action-fixer/candidate.ts'
import { createFromDraft } from '../../agents/connector-builder/create-connector.ts'
import { listEvents } from '../../agents/event-builder/list-events.ts'
import {
  type Draft,
  draftFromDocs,
  findPassages,
  type Passage,
} from '../../agents/manual-action-builder/build-from-docs.ts'
import { addressesIn, passageSaying } from '../../agents/manual-action-builder/find-address.ts'
import { AppError, conflict, toAppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { slugify } from '../../runtime/connectors/slug.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { namesOf, sourceOf } from './discover.ts'
import { docsBefore } from './docs-read.ts'
import type { ConnectorRunInput, Discovery, Made, State } from './state.ts'
import { keepBefore } from './take-back.ts'

const MAX_SHOWN = 200

/** Makes the connector, by import or from what a model wrote. */
export async function create({ input, discovery }: State, run: RunContext): Promise<Partial<State>> {
  if (discovery === null) return {}
  return discovery.route === 'spec' ? importIt(input, discovery, run) : writeIt(input, run)
}

type Created = Required<Pick<State, 'made' | 'before'>>

async function importIt(input: ConnectorRunInput, discovery: Discovery, run: RunContext): Promise<Created> {
  const { slug, operations } = discovery
  const before = slug === null ? null : await keepBefore(run, slug)
  // Discovery made sure that the slug is free, or may be replaced: made again after a crash, it is the same again.
  const { connector } = await run.call('import_spec', {
    ...sourceOf(input),
    ...namesOf(input),
    ...(slug === null ? {} : { slug }),
    ...(operations === null ? {} : { include: { operations } }),
    onConflict: 'replace',
  })
  return { made: await madeOf((connector as { slug: string }).slug, [], run), before }
}

async function writeIt(input: ConnectorRunInput, run: RunContext): Promise<Created> {
  await docsBefore(run)
  const passages = await findPassages(run.call, input.docs ?? [], input)
  const { draft, unfounded, missing } = await draftFromDocs(run.model(), passages, input)
  const name = input.name ?? draft.name
  const slug = input.slug ?? slugify(name)
  const existing = await run.once('existing', () => isThere(run, slug))
  // The name may be the documentation's own word, and credentials go where the base URL says.
  if (existing && (input.replace !== true || input.slug === undefined)) {
    throw conflict(`There is a connector '${slug}' already.`, {
      where: 'slug',
      hint: 'Give another slug; or, to make its next version, replace: true together with its slug.',
    })
  }
  // Those of a connector that is there stay as they are.
  const address = existing ? null : await addressOf(input, name, draft.baseUrl, passages, run)
  const authMethods = existing ? draft.authMethods : await readable(draft.authMethods, run)
  const before = await keepBefore(run, slug)
  await run.artifact({
    kind: 'integration_plan',
    title: `Actions of ${name}`,
    content: draft.actions.map((action) => ({
      action: action.slug,
      request: `${action.method} ${action.path}`,
      citations: action.citations,
    })),
  })
  const settled = { ...draft, name, authMethods, baseUrl: address?.baseUrl ?? null }
  const { connector, refused } = await createFromDraft(run.call, settled, slug, {
    keepHead: existing,
    ...(input.baseUrl === undefined ? {} : { baseUrl: input.baseUrl }),
  })
  const leftOut = [
    ...unfounded.map((action) => ({ action, why: 'It cites no passage of the documentation.' })),
    ...missing.map((action) => ({ action, why: 'The documentation that was read does not tell of it.' })),
  ]
  const made = await madeOf(connector, [...leftOut, ...refused], run)
  return { made: address === null ? made : { ...made, address }, before }
}

/**
 * Where requests go, and with them every account's credentials: as given, else as the documentation says it, else as a
 * person says. Asks, in Auto mode too.
 */
async function addressOf(
  { baseUrl: given }: ConnectorRunInput,
  name: string,
  drafted: string | null,
  passages: readonly Passage[],
  run: RunContext,
): Promise<NonNullable<Made['address']>> {
  if (given !== undefined) return { baseUrl: given, by: 'input', citation: null }
  const passage = drafted === null ? undefined : passageSaying(drafted, passages)
  if (drafted !== null && passage !== undefined)
    return { baseUrl: drafted, by: 'documentation', citation: { passage: passage.id, url: passage.url } }
  const { baseUrl } = await run.handback({
    point: 'before_creation',
    question: `The passages read say nowhere which address requests of '${name}' go to, and its accounts' credentials with them. Which is it?`,
    details: { standInPassages: addressesIn(passages) },
    answer: z.object({
      baseUrl: z
        .string()
        .regex(/^https?:\/\/[^\s/]+\S*$/)
        .describe('Absolute address that the paths of all actions are appended to.'),
    }),
  })
  return { baseUrl, by: 'person', citation: null }
}

/** Ways to log in without code that nobody has read: it is given every account's credentials. Asks, in Auto mode too. */
async function readable(methods: Draft['authMethods'], run: RunContext): Promise<Draft['authMethods']> {
  const coded = methods.filter(({ type, code }) => type === 'custom' || code !== undefined)
  if (coded.length === 0) return methods
  const { allow } = await run.handback({
    point: 'before_code',
    question: `By the documentation, requests are signed by code, which the model wrote and which would be given every account's credentials: ${coded.map(({ name }) => name).join(', ')}. Read it. Take it?`,
    details: { authMethods: coded as unknown as Json },
    answer: z.object({ allow: z.boolean().describe('false: the connector is made without it.') }),
  })
  if (allow) return methods
  const rest = methods.filter((method) => !coded.includes(method))
  if (rest.length > 0) return rest
  throw new AppError('forbidden', 'The only way to log in was by code, and that was refused.', {
    where: 'docs',
    hint: 'Make the connector with create_connector, with auth methods you know; or give documentation of another way.',
  })
}

async function isThere(run: RunContext, slug: string): Promise<boolean> {
  try {
    await definitionOf(run.look, slug)
    return true
  } catch (cause) {
    if (toAppError(cause).code === 'not_found') return false
    throw cause
  }
}

async function madeOf(connector: string, leftOut: Made['leftOut'], run: RunContext): Promise<Made> {
  const { actions } = await definitionOf(run.look, connector)
  return { connector, actions: actions.map(({ slug }) => slug), leftOut }
}

/** What the app can report of itself. */
export async function findEvents({ made }: State, run: RunContext): Promise<Partial<State>> {
  return made === null ? {} : { events: await listEvents(run.call, made.connector) }
}

/** Hands back after creation. */
export async function askToTest({ made, events, input }: State, run: RunContext): Promise<Partial<State>> {
  if (made === null || events === null) return {}
  const how = input.allowWrites === true ? 'with writes' : 'by reads'
  const answer = await run.handback({
    point: 'after_creation',
    question: `'${made.connector}' has ${made.actions.length} actions and ${events.events.length} events. Test it ${how} now? That needs a connected test account.`,
    details: {
      connector: made.connector,
      actions: made.actions.slice(0, MAX_SHOWN),
      leftOut: made.leftOut,
      ...(made.address === undefined ? {} : { address: made.address }),
      ...events,
    },
    answer: z.object({ test: z.boolean().describe('Test its actions?') }),
    default: { test: true },
  })
  return answer.test ? {} : { notTested: 'It was not tested, as answered after creation.' }
}

/** The connector as it is. */
export async function lookUp({ input }: State, run: RunContext): Promise<Partial<State>> {
  return input.connector === undefined ? {} : { made: await madeOf(input.connector, [], run) }
}
