import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { getAction } from '../../db/actions.ts'
import { candidateConnections, type SealedConnectionRow } from '../../db/connections.ts'
import {
  getVersionAction,
  getVersionDefinition,
  getVersionSchemas,
  pinnedVersion,
} from '../../db/connector-versions.ts'
import { type ConnectorRow, findConnector, getConnectorSchemas } from '../../db/connectors.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { ActionDefinition, AuthMethod } from '../connectors/definition.ts'
import { actionOf, type ConnectorHead, headOf, type SharedSchemas, schemasOf } from './definitions.ts'

/** How long another process's change of a connector or connection may go unnoticed; this one's is seen at once. */
const REMEMBER_MS = 2_000
const REMEMBERED_CALLS = 2_000
/** Shared schemas of large APIs are megabytes; those of connectors in use are kept by revision. */
const SCHEMAS_BYTES = 64 * 1024 * 1024

/** All a call needs but the plain credentials. */
export interface ResolvedCall {
  connector: ConnectorRow
  head: ConnectorHead
  schemas: SharedSchemas
  action: ActionDefinition
  authMethod: AuthMethod | null
  /** Null for a call that needs no account. */
  connection: SealedConnectionRow | null
}

export interface WantedCall {
  connector: string
  action: string
  customerId: string | null
  connection: string | null
  /** For a call that is not sent. */
  withoutAccount?: boolean
}

export interface VerificationCall extends Pick<ResolvedCall, 'connector' | 'head' | 'schemas' | 'action'> {
  input: JsonObject
}

export interface Resolver {
  /** @throws AppError `not_found`, `conflict`: see {@link Connections.runAction} */
  resolve(scope: TenantScope, want: WantedCall): Promise<ResolvedCall>
  /**
   * The connector's verification call, as the customer has it, who may be held on an older version. Undefined: there
   * is none.
   * @throws AppError `not_found` for the connector
   */
  verification(tx: Tx, connector: string, customerId: string | null): Promise<VerificationCall | undefined>
  /** Forgets an organization's calls. */
  forget(organizationId: string): void
}

export function buildResolver(db: Database): Resolver {
  const calls = new LRUCache<string, ResolvedCall>({ max: REMEMBERED_CALLS, ttl: REMEMBER_MS })
  const schemasByRevision = new LRUCache<string, SharedSchemas>({
    maxSize: SCHEMAS_BYTES,
    sizeCalculation: (schemas) => JSON.stringify(schemas).length + 1,
  })
  /** Counts forgettings: what was read before one must not be remembered after it. */
  let generation = 0

  const remembered = async (key: string, load: () => Promise<JsonObject>): Promise<SharedSchemas> => {
    const known = schemasByRevision.get(key)
    if (known !== undefined) return known
    const loaded = schemasOf(await load())
    schemasByRevision.set(key, loaded)
    return loaded
  }

  const schemas = (tx: Tx, connector: ConnectorRow): Promise<SharedSchemas> =>
    remembered(`${connector.id}:${connector.revision}`, () => getConnectorSchemas(tx, connector.id))

  /** The call as the version has it that the customer is held on; undefined: the customer is held on none. */
  const readPinned = async (
    tx: Tx,
    connector: ConnectorRow,
    want: WantedCall,
  ): Promise<ResolvedCall | undefined> => {
    const version =
      want.customerId === null ? undefined : await pinnedVersion(tx, connector.id, want.customerId)
    if (version === undefined) return undefined
    const kept = await getVersionAction(tx, connector.id, version, want.action)
    if (kept === undefined || kept.action === null) {
      throw notFound(
        'action',
        `${connector.slug}.${want.action}`,
        `The customer is held on version ${version} of ${connector.slug}, which does not have it; unpin_connector_version lets them move on.`,
      )
    }
    const head = keptHead(connector, kept.definition)
    const action = actionOf({ definition: kept.action })
    const connection = await chooseConnection(tx, connector, head, action, want)
    return {
      connector,
      head,
      action,
      schemas: await schemasAt(tx, connector.id, version),
      connection,
      authMethod: connection === null ? null : authMethodOf(head, connection),
    }
  }

  const verification: Resolver['verification'] = async (tx, ref, customerId) => {
    const connector = await findConnector(tx, ref)
    if (connector === undefined) throw notFound('connector', ref)
    const version = customerId === null ? undefined : await pinnedVersion(tx, connector.id, customerId)
    const { head, actionAt, shared } =
      version === undefined
        ? {
            head: headOf(connector),
            actionAt: (slug: string) => getAction(tx, connector.id, slug),
            shared: () => schemas(tx, connector),
          }
        : {
            head: keptHead(connector, await getVersionDefinition(tx, connector.id, version)),
            actionAt: async (slug: string) => {
              const kept = await getVersionAction(tx, connector.id, version, slug)
              return kept?.action == null ? undefined : { definition: kept.action }
            },
            shared: () => schemasAt(tx, connector.id, version),
          }
    const wanted = head.verification
    const row = wanted === undefined ? undefined : await actionAt(wanted.action)
    if (wanted === undefined || row === undefined) return undefined
    return {
      connector,
      head,
      action: actionOf(row),
      schemas: await shared(),
      input: wanted.input as JsonObject,
    }
  }

  const schemasAt = (tx: Tx, connectorId: string, version: number): Promise<SharedSchemas> =>
    remembered(`${connectorId}@${version}`, () => getVersionSchemas(tx, connectorId, version))

  const read = async (tx: Tx, want: WantedCall): Promise<ResolvedCall> => {
    const connector = await findConnector(tx, want.connector)
    if (connector === undefined) {
      throw notFound('connector', want.connector, 'list_connectors shows the ones there are.')
    }
    const pinned = await readPinned(tx, connector, want)
    if (pinned !== undefined) return pinned
    const row = await getAction(tx, connector.id, want.action)
    if (row === undefined) {
      throw notFound(
        'action',
        `${connector.slug}.${want.action}`,
        'list_actions finds actions by what they do.',
      )
    }
    const head = headOf(connector)
    const action = actionOf(row)
    const connection = await chooseConnection(tx, connector, head, action, want)
    return {
      connector,
      head,
      action,
      schemas: await schemas(tx, connector),
      connection,
      authMethod: connection === null ? null : authMethodOf(head, connection),
    }
  }

  return {
    verification,
    resolve: async (scope, want) => {
      const key = JSON.stringify([
        scope.organizationId,
        scope.customerIds,
        // A run for a customer reaches the organization's accounts; an end user of that customer does not.
        scope.shared === true,
        want.connector,
        want.action,
        want.customerId,
        want.connection,
        want.withoutAccount === true,
      ])
      const known = calls.get(key)
      if (known !== undefined) return known
      const readIn = generation
      const call = await db.read(scope, (tx) => read(tx, want))
      if (readIn === generation) calls.set(key, call)
      return call
    },
    forget: (organizationId) => {
      generation += 1
      const prefix = `["${organizationId}",`
      for (const key of calls.keys()) if (key.startsWith(prefix)) calls.delete(key)
    },
  }
}

/** @throws AppError `conflict` when the connector no longer has the connection's auth method */
function authMethodOf(head: ConnectorHead, connection: { auth_method: string; id: string }): AuthMethod {
  const method = head.authMethods.find(({ slug }) => slug === connection.auth_method)
  if (method !== undefined) return method
  throw conflict(
    `The connector ${head.slug} no longer has the auth method '${connection.auth_method}' of the connection.`,
    {
      hint: `Give the connection (${connection.id}) other credentials with update_connection, or connect anew with create_connection.`,
    },
  )
}

/** A kept version has all of the connector in one document. */
function keptHead(connector: ConnectorRow, definition: JsonObject): ConnectorHead {
  const { name, description, visibility } = definition as unknown as ConnectorRow
  return headOf({ ...connector, name, description, visibility, definition })
}

const isPublic = (action: ActionDefinition): boolean => action.auth?.length === 0

/**
 * The customer's own connection, else the organization's; of several the named one, else the default. One that
 * exists but is not active is never passed over: another account must not step in unnoticed.
 */
async function chooseConnection(
  tx: Tx,
  connector: ConnectorRow,
  head: ConnectorHead,
  action: ActionDefinition,
  want: WantedCall,
): Promise<SealedConnectionRow | null> {
  if (want.withoutAccount === true) return null
  const candidates = await candidateConnections(tx, {
    connectorId: connector.id,
    customerId: want.customerId,
    ref: want.connection,
  })
  const [first, second] = candidates
  if (want.connection === null && isPublic(action) && first?.status !== 'active') return null
  if (first === undefined) {
    const needsNone = head.authMethods.some(({ type }) => type === 'no_auth')
    if (want.connection === null && needsNone) return null
    throw noConnection(connector, want)
  }
  const ambiguous = second !== undefined && second.customer_id === first.customer_id && !first.is_default
  if (ambiguous) {
    throw conflict(`There are several ${connector.slug} connections, and none is the default.`, {
      where: 'connection',
      hint: 'Name one in `connection` (list_connections shows them), or make one the default with update_connection.',
    })
  }
  if (first.status === 'active') return first
  throw conflict(
    `The connection ${first.id} (${first.name}) is ${first.status}${first.status_reason === null ? '' : `: ${first.status_reason}`}`,
    { hint: remedies[first.status], data: { connection: first.id, status: first.status } },
  )
}

const remedies = {
  inactive: 'Set its status to active with update_connection.',
  expired: 'Give it new credentials with update_connection.',
  failed:
    'Give it new credentials with update_connection, or verify_connection when the provider accepts the old ones again.',
}

function noConnection(connector: ConnectorRow, want: WantedCall) {
  const whose = want.customerId === null ? 'the organization' : `customer ${want.customerId}`
  const target = `"connector":"${connector.slug}"${want.customerId === null ? '' : `,"customer":"${want.customerId}"`}`
  return new AppError(
    'not_found',
    `No connection '${want.connection ?? `of ${whose} to ${connector.slug}`}'.`,
    {
      hint: `create_connect_link {${target}} makes a link by which its owner connects it; create_connection {${target},"credentials":{…}} does with credentials you have (get_connector tells which).`,
      ...(want.connection === null
        ? { data: { integration: connector.slug, status: 'not_connected', customer: want.customerId } }
        : {}),
    },
  )
}
