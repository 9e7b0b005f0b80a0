import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'
import type { Doors } from '../../doors.ts'
import type { PagingContract } from '../../environments/described-api/answers.ts'
import type { ApiServer, DescribedApi } from '../../environments/described-api/api.ts'
import { CREDENTIAL, USERNAME } from '../../environments/described-api/credentials.ts'
import { excerptOf } from '../../environments/described-api/document.ts'
import type { Described } from '../../environments/specifications.ts'
import { type Behaviour, checkAction } from './check-action.ts'

/** One API that is served, with a connector that is right, and what its actions were seen to do. */
export interface World {
  name: string
  api: DescribedApi
  /** The description as it is served. */
  spec: string
  definition: ConnectorDefinition
  /** Of the actions that work, by slug. */
  behaviours: Map<string, Behaviour>
  /** Why each of the others is left out. */
  leftOut: Record<string, string>
}

const OPERATIONS = 24

/** Serves an API, makes its connector as if by hand (an import's marks are gone), connects, and tries every action. */
export async function openWorld(
  doors: Doors,
  server: ApiServer,
  described: Described,
  options: { meaninglessSlugs?: boolean } = {},
): Promise<World> {
  const excerpt = excerptOf(described.text(), OPERATIONS, `${server.origin}/${described.name}`)
  const api = await server.serve(excerpt)
  const spec = JSON.stringify(excerpt.document)
  await doors.call('import_spec', { spec, slug: described.name, name: described.name })
  const definition = await exported(doors, described.name)
  await doors.call('delete_connector', { connector: described.name })
  const { verification: _verification, ...rest } = definition
  const byHand = {
    ...rest,
    actions: definition.actions.map(({ source: _source, ...action }, index) =>
      options.meaninglessSlugs === true ? { ...action, slug: `action_${index}` } : action,
    ),
  }
  await doors.call('import_connector', { definition: byHand })
  await connect(doors, byHand)
  const world: World = {
    name: described.name,
    api,
    spec,
    definition: byHand,
    behaviours: new Map(),
    leftOut: {},
  }
  for (const action of byHand.actions) {
    const contract = contractOf(action)
    if (contract !== undefined) api.page(action.method, action.path, contract)
    const checked = { doors, api, definition: byHand, action }
    let { problems, behaviour } = await checkAction(checked, contract !== undefined)
    // An action whose pages cannot be followed here still does its calls.
    const [first, another] = problems
    if (another === undefined && first?.startsWith('its pages')) problems = []
    if (problems.length === 0) world.behaviours.set(action.slug, behaviour)
    else world.leftOut[action.slug] = problems[0] ?? ''
  }
  return world
}

export async function exported(doors: Doors, connector: string): Promise<ConnectorDefinition> {
  const { definition } = await doors.call('export_connector', { connector })
  return definition as ConnectorDefinition
}

export async function connect(doors: Doors, { slug, authMethods }: ConnectorDefinition): Promise<void> {
  const [method] = authMethods
  const credentials =
    method?.type === 'api_key'
      ? { apiKey: CREDENTIAL }
      : method?.type === 'basic_auth'
        ? { username: USERNAME, password: CREDENTIAL }
        : method?.type === 'bearer_token'
          ? { token: CREDENTIAL }
          : method?.type === 'oauth2'
            ? { accessToken: CREDENTIAL }
            : {}
  await doors.call('create_connection', { connector: slug, credentials, verify: false })
}

/** What the action says of its pages, in words of the request. */
function contractOf({ pagination, parameters, body }: ActionDefinition): PagingContract | undefined {
  if (pagination === undefined) return undefined
  const key = 'parameter' in pagination ? pagination.parameter : undefined
  const name =
    key === undefined
      ? undefined
      : (parameters.find(({ inputKey }) => inputKey === key)?.name ?? body?.properties?.[key] ?? key)
  return {
    type: pagination.type,
    items: pagination.items,
    ...(name === undefined ? {} : { name }),
    ...('next' in pagination && pagination.next !== undefined ? { next: pagination.next } : {}),
    ...('hasMore' in pagination && pagination.hasMore !== undefined ? { hasMore: pagination.hasMore } : {}),
    ...('firstPage' in pagination && pagination.firstPage !== undefined
      ? { firstPage: pagination.firstPage }
      : {}),
  }
}
