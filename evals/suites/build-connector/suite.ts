import { runAgent } from '../../client/agent.ts'
import { converse, requireModel } from '../../client/converse.ts'
import { ToolFailure } from '../../doors.ts'
import { startApiServer } from '../../environments/described-api/api.ts'
import { type Pages, startPages } from '../../environments/pages.ts'
import { proseOf } from '../../environments/prose.ts'
import { asLeftOut, specifications } from '../../environments/specifications.ts'
import { buildRandom, type Random } from '../../random.ts'
import type { Policy, Suite, SuiteOptions, Task, Verdict } from '../../suite.ts'
import { connect, exported, openWorld, type World } from '../fix-action/world.ts'
import { checkOperation, type Operation } from './check-operation.ts'
import { startReader } from './reader.ts'

/** What whoever builds a connector is told. */
export interface BuildSituation {
  /** Slug it is to have. */
  connector: string
  name: string
  /** Where the API is described: a document for machines, or a page for people. */
  url: string
  operations: Operation[]
}

const OPERATIONS = 3
const BYSTANDER = 'bystander'

interface Source {
  name: string
  description: string
  /** Puts what may be read on a site; gives its address. */
  publish(pages: Pages, world: World): string
  /** The input of import_spec that makes most of it without a model. */
  baseline(situation: BuildSituation): object
  /** Models of its own, by the policy that has the Connector Agent use it. */
  models?: Record<string, typeof startReader>
  /** What build_connector is told of where the API is described. */
  read(situation: BuildSituation): object
}

const toPath = ({ method, path }: Operation) => `${method.toLowerCase()} ${path}`

/** A connector for named operations of an API that has a description for machines. Settings: `specs`. */
export const buildConnector = suiteOf({
  name: 'build-connector',
  description: 'Build a connector whose named operations work at the API, from its description.',
  publish(pages, world) {
    pages.put(`/${world.name}/openapi.json`, { type: 'application/json', body: world.spec })
    return `${pages.origin}/${world.name}/openapi.json`
  },
  baseline: ({ url, operations }) => ({ url, include: { operations: operations.map(toPath) } }),
  read: ({ url }) => ({ url }),
})

/** The same from prose: there is no description to import. */
export const buildConnectorFromDocs = suiteOf({
  name: 'build-connector-from-docs',
  description: 'Build a connector whose named operations work at the API, from its manual for people alone.',
  publish(pages, world) {
    const body = proseOf(JSON.parse(world.spec), world.definition.baseUrl ?? '')
    pages.put(`/${world.name}/reference`, { type: 'text/html; charset=utf-8', body })
    return `${pages.origin}/${world.name}/reference`
  },
  baseline: ({ url }) => ({ discover: url }),
  read: ({ url }) => ({ docs: [url] }),
  models: { reader: startReader },
})

function suiteOf(source: Source): Suite<BuildSituation> {
  return {
    name: source.name,
    description: source.description,
    baseline: 'deterministic',
    policies: {
      ...{ deterministic: importing(source), client, agent: building(source) },
      ...Object.fromEntries(Object.keys(source.models ?? {}).map((name) => [name, building(source)])),
    },
    ...(source.models === undefined ? {} : { models: source.models }),
    async open(options) {
      const { doors, note } = options
      const { found, absent } = specifications(options.settings.specs?.split(','))
      const [server, pages] = [await startApiServer(), await startPages()]
      const close = async () => {
        await server.close()
        await pages.close()
      }
      try {
        const worlds: World[] = []
        for (const described of found) {
          const world = await openWorld(doors, server, described)
          if (worlds.length === 0)
            await doors.call('import_connector', { definition: { ...world.definition, slug: BYSTANDER } })
          await doors.call('delete_connector', { connector: world.name, force: true })
          note(`${world.name}: ${world.behaviours.size} operations can be asked for`)
          worlds.push(world)
        }
        const addresses = new Map(worlds.map((world) => [world.name, source.publish(pages, world)]))
        const before = await exported(doors, BYSTANDER)
        return {
          async *tasks() {
            const random = buildRandom(options.seed, source.name)
            for (let number = 0; number < options.count; number += 1) {
              const world = worlds[number % worlds.length]
              if (world === undefined) return
              yield taskOf(options, world, before, {
                number,
                random,
                url: addresses.get(world.name) ?? '',
              })
            }
          },
          fixtures: async () => ({
            ...Object.fromEntries(worlds.map(({ name, spec }) => [name, spec])),
            [BYSTANDER]: await exported(doors, BYSTANDER),
          }),
          leftOut: () => absent.map(asLeftOut),
          notes: () => ({
            operations: worlds.map(({ name, behaviours }) => [name, behaviours.size]),
          }),
          close,
        }
      } catch (error) {
        await close()
        throw error
      }
    },
  }
}

function taskOf(
  { doors }: SuiteOptions,
  world: World,
  bystander: object,
  { number, random, url }: { number: number; random: Random; url: string },
): Task<BuildSituation> {
  const actions = world.definition.actions.filter(({ slug }) => world.behaviours.has(slug))
  const chosen = random.shuffled(actions).slice(0, OPERATIONS)
  const operations = chosen.map(({ method, path }) => ({ method: method.toUpperCase(), path }))
  const { name } = world
  const reset = async () => {
    const { connectors } = await doors.call('list_connectors', { limit: 100 })
    for (const { slug } of connectors as { slug: string }[])
      if (slug !== BYSTANDER) await doors.call('delete_connector', { connector: slug, force: true })
  }
  return {
    id: `${number} ${name} ${operations.map(toPath).join(', ')}`,
    class: classOf(world),
    environment: name,
    situation: { connector: name, name, url, operations },
    async check(): Promise<Verdict> {
      const definition = await exportedIfThere(doors, name)
      if (definition === undefined) return { passed: false, problems: [`there is no connector ${name}`] }
      const problems = await connectAnew(doors, definition)
      if (problems.length > 0) return { passed: false, problems }
      for (const { slug, method, path } of chosen) {
        const wanted = world.behaviours.get(slug)
        if (wanted !== undefined)
          problems.push(
            ...(await checkOperation(doors, world, definition, { operation: { method, path }, wanted })),
          )
      }
      return { passed: problems.length === 0, problems }
    },
    async regressions() {
      const { connectors } = await doors.call('list_connectors', { limit: 100 })
      const others = (connectors as { slug: string }[])
        .map(({ slug }) => slug)
        .filter((slug) => slug !== name && slug !== BYSTANDER)
      const now = await exportedIfThere(doors, BYSTANDER)
      return [
        ...others.map((slug) => `the connector ${slug} was made, and nobody asked for it`),
        ...(JSON.stringify(now) === JSON.stringify(bystander)
          ? []
          : [`the connector ${BYSTANDER} was changed`]),
      ]
    },
    async solve() {
      await doors.call('import_connector', { definition: world.definition })
      return {}
    },
    reset,
    restart: async () => {},
  }
}

/** The account is the harness's, whatever was connected before. @returns why the connector's way to log in takes none */
async function connectAnew(
  doors: SuiteOptions['doors'],
  definition: Awaited<ReturnType<typeof exported>>,
): Promise<string[]> {
  const { connections } = await doors.call('list_connections', { connector: definition.slug })
  for (const { id } of connections as { id: string }[])
    await doors.call('delete_connection', { connection: id })
  try {
    await connect(doors, definition)
    return []
  } catch (error) {
    if (error instanceof ToolFailure) return [`no account can be connected: ${error.message}`]
    throw error
  }
}

async function exportedIfThere(doors: SuiteOptions['doors'], slug: string) {
  try {
    return await exported(doors, slug)
  } catch (error) {
    if (error instanceof ToolFailure && error.status === 404) return undefined
    throw error
  }
}

const classOf = ({ spec }: World): string => {
  const { openapi, swagger } = JSON.parse(spec) as { openapi?: string; swagger?: string }
  return openapi === undefined ? `Swagger ${swagger}` : `OpenAPI ${openapi.slice(0, 3)}`
}

/** Patchbay without a model: one call of import_spec. */
function importing(source: Source): (options: SuiteOptions) => Policy<BuildSituation> {
  return ({ doors }) =>
    async ({ situation }) => {
      const { connector, name } = situation
      const input = { slug: connector, name, ...source.baseline(situation) }
      try {
        const { report } = await doors.call('import_spec', input)
        return { steps: 1, trajectory: [{ kind: 'tool', title: 'import_spec', input, output: report }] }
      } catch (error) {
        if (!(error instanceof ToolFailure)) throw error
        const step = { kind: 'tool' as const, title: 'import_spec', input, error: error.message }
        return { steps: 1, toolErrors: 1, trajectory: [step] }
      }
    }
}

const TOOLS = [
  ...['discover_spec', 'import_spec', 'index_api_docs', 'search_api_docs'],
  ...['create_connector', 'update_connector', 'get_connector'],
  ...['create_action', 'update_action', 'get_action', 'list_actions', 'delete_action'],
]

const wishOf = ({ connector, name, url, operations }: BuildSituation): string =>
  `Build a connector for the API of ${name}, with the slug ${connector}. It is described at ${url}. These operations have to work, with all their parameters and fields, their answers described: ${operations.map(toPath).join('; ')}. Make no other connector. You have no account; nothing can be tried out.`

/** A model that calls Patchbay's tools itself. */
function client(options: SuiteOptions): Policy<BuildSituation> {
  const model = requireModel(options)
  return ({ situation }) =>
    converse({
      ...{ model, doors: options.doors, tools: TOOLS, prompt: wishOf(situation) },
      system: 'You build connectors with the tools of Patchbay. Work until it is done, and then say so.',
    })
}

/** Patchbay's Connector Agent, with the model when one is given. */
function building(source: Source): (options: SuiteOptions) => Policy<BuildSituation> {
  return ({ doors }) =>
    ({ situation }) => {
      const { connector, name, operations } = situation
      return runAgent(doors, 'build_connector', {
        ...{ slug: connector, name, operations: operations.map(toPath) },
        ...source.read(situation),
      })
    }
}
