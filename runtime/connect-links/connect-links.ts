import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../../core/actor.ts'
import { conflict, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import {
  type ConnectLinkRow,
  findConnectLinkById,
  findConnectLinkByToken,
  getConnectLink,
  insertConnectLink,
} from '../../db/connect-links.ts'
import { getConnection } from '../../db/connections.ts'
import { findConnector } from '../../db/connectors.ts'
import type { Database, Tx } from '../../db/database.ts'
import { headOf } from '../connections/definitions.ts'
import { connectableMethods } from './connectable.ts'
import { buildLinkWatch, type LinkWatch } from './watch.ts'

export const CONNECT_PATH = '/connect'
export const DEFAULT_EXPIRY_MS = 30 * 60_000
export const MAX_EXPIRY_MS = 7 * 24 * 60 * 60_000
/** A link in an error is given again while it has at least this long to live. */
const REUSE_MS = 15 * 60_000
/** Links in errors that may be given again; each entry holds a token in memory. */
const MAX_REMEMBERED = 5_000

export interface ConnectLinkRequest {
  /** Id of the customer whose account it will be; null: the organization's own. */
  customerId: string | null
  /** Connector slug or id; the person chooses when left out. */
  connector?: string | undefined
  authMethod?: string | undefined
  /** Id of the connection that gets new credentials; connector and customer are its own. */
  reconnects?: string | undefined
  connectionName?: string | undefined
  returnUrl?: string | undefined
  /** Origin of the page that embeds it. */
  openerOrigin?: string | undefined
  /** For a product that draws its own page: only `/connect/api` takes it. */
  headless?: boolean | undefined
  expiresInMs?: number | undefined
}

export interface NewConnectLink {
  id: string
  /** Holds the token: whoever has it can connect an account. It is kept nowhere. */
  url: string
  token: string
  expiresAt: Date
}

/** Links by which a person connects an account on a page of ours, or of the product's. */
export interface ConnectLinks {
  /** @throws AppError `not_found`; `conflict` when there is no way yet by which a person could connect */
  create(scope: TenantScope, createdBy: string, request: ConnectLinkRequest): Promise<NewConnectLink>
  /** The link of a token, whatever its status. */
  find(token: string): Promise<ConnectLinkRow | undefined>
  findById(id: string): Promise<ConnectLinkRow | undefined>
  /**
   * A link that gives a connection new credentials: the same one again while it can be used, so that an error
   * met every minute does not leave a thousand. Undefined where the asking scope may not reconnect it.
   */
  reconnect(
    scope: TenantScope,
    connection: { id: string; customer_id: string | null },
  ): Promise<NewConnectLink | undefined>
  watch: LinkWatch['watch']
  /** A link was used in this process: those that wait for it are told at once. */
  used(): void
  close(): void
}

interface Parts {
  db: Database
  log: Logger
  publicUrl(): string
}

export const isExpired = (link: ConnectLinkRow): boolean =>
  link.status === 'pending' && link.expires_at.getTime() <= Date.now()

const hashOf = (token: string) => createHash('sha256').update(token).digest()

export function buildConnectLinks({ db, log, publicUrl }: Parts): ConnectLinks {
  const onError = (error: Error) => log.warn({ err: error.message }, 'connect links could not be looked at')
  const watch = buildLinkWatch(db, onError)
  const remembered = new LRUCache<string, NewConnectLink>({ max: MAX_REMEMBERED, ttl: DEFAULT_EXPIRY_MS })

  const create: ConnectLinks['create'] = async (scope, createdBy, request) => {
    const target = await db.read(scope, (tx) => targetOf(tx, request))
    const token = randomBytes(32).toString('base64url')
    const id = newId('connectLink')
    const lifetime = Math.min(request.expiresInMs ?? DEFAULT_EXPIRY_MS, MAX_EXPIRY_MS)
    const expiresAt = new Date(Date.now() + lifetime)
    await db.tenant(scope, (tx) =>
      insertConnectLink(tx, {
        id,
        organization_id: scope.organizationId,
        ...target,
        auth_method: request.authMethod ?? null,
        connection_name: request.connectionName ?? null,
        return_url: request.returnUrl ?? null,
        opener_origin: request.openerOrigin ?? null,
        headless: request.headless ?? false,
        token_hash: hashOf(token),
        created_by: createdBy,
        expires_at: expiresAt,
      }),
    )
    return { id, token, url: `${publicUrl()}${CONNECT_PATH}?token=${token}`, expiresAt }
  }

  return {
    create,
    find: async (token) =>
      token === '' || token.length > 200 ? undefined : findConnectLinkByToken(db, hashOf(token)),
    findById: (id) => findConnectLinkById(db, id),
    reconnect: async (scope, connection) => {
      // The organization's own account is nothing that one of its customers reconnects.
      if (connection.customer_id === null && scope.customerIds !== null) return undefined
      const known = remembered.get(connection.id)
      if (known !== undefined && known.expiresAt.getTime() - Date.now() > REUSE_MS) {
        const link = await db.read(scope, (tx) => getConnectLink(tx, known.id))
        if (link?.status === 'pending') return known
      }
      const made = await create(scope, 'runtime', {
        customerId: connection.customer_id,
        reconnects: connection.id,
      })
      remembered.set(connection.id, made)
      return made
    },
    watch: watch.watch,
    used: () => {
      watch.look().catch(onError)
    },
    close: watch.close,
  }
}

/** What the link is about, looked up: a link that cannot be used is refused where somebody can still put it right. */
async function targetOf(
  tx: Tx,
  request: ConnectLinkRequest,
): Promise<Pick<ConnectLinkRow, 'customer_id' | 'connector_id' | 'reconnects'>> {
  const before = request.reconnects === undefined ? undefined : await getConnection(tx, request.reconnects)
  if (request.reconnects !== undefined && before === undefined) {
    throw notFound('connection', request.reconnects, 'list_connections shows the ids.')
  }
  const ref = before?.connector_id ?? request.connector
  const target = {
    customer_id: before === undefined ? request.customerId : before.customer_id,
    connector_id: null,
    reconnects: before?.id ?? null,
  }
  if (ref === undefined) {
    if (request.authMethod === undefined) return target
    throw invalidInput('authMethod says how to authenticate to a connector, and none is named.', {
      where: 'authMethod',
      hint: 'Give `connector` too.',
    })
  }
  const connector = await findConnector(tx, ref)
  if (connector === undefined) throw notFound('connector', ref, 'list_connectors shows the ones there are.')
  const all = headOf(connector).authMethods
  const wanted = all.filter(({ slug }) => request.authMethod === undefined || slug === request.authMethod)
  if (wanted.length === 0) {
    throw invalidInput(`${connector.slug} has no auth method '${request.authMethod}'.`, {
      where: 'authMethod',
      hint: `It has: ${all.map(({ slug }) => slug).join(', ')}.`,
    })
  }
  const possible = (await connectableMethods(tx, [connector])).get(connector.id) ?? []
  if (!wanted.some(({ slug }) => possible.some((method) => method.slug === slug))) {
    throw conflict(`Nobody can connect ${connector.slug} yet: its OAuth is not set up.`, {
      where: 'connector',
      hint: `create_oauth_app {"name":"…","clientId":"…","clientSecret":"…","connectors":[{"connector":"${connector.slug}"}]} after registering Patchbay at the provider; the auth method needs authorizationUrl and tokenUrl.`,
    })
  }
  return { ...target, connector_id: connector.id }
}
