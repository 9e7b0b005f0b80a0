import type { TenantScope } from '../../core/actor.ts'
import { AppError, invalidInput, notFound } from '../../core/errors.ts'
import type { ConnectLinkRow } from '../../db/connect-links.ts'
import { getConnection } from '../../db/connections.ts'
import { type ConnectorRow, findConnector, listConnectors } from '../../db/connectors.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database, Tx } from '../../db/database.ts'
import { isAuthorizing } from '../../db/oauth-authorizations.ts'
import { getOrganization } from '../../db/organizations.ts'
import { isExpired } from '../../runtime/connect-links/connect-links.ts'
import { connectableMethods, needsConsent } from '../../runtime/connect-links/connectable.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import {
  type AuthMethod,
  type CredentialField,
  credentialFields,
  extraFields,
} from '../../runtime/connectors/definition.ts'
import { brandingOf } from '../../tools/organization/branding.ts'

/** More apps than this are not offered on one page; such a link should name one. */
const MAX_APPS = 200

export interface Brand {
  name: string
  logoUrl: string | null
  primaryColor: string | null
  supportUrl: string | null
  privacyUrl: string | null
}

export interface App {
  connector: ConnectorRow
  iconUrl: string | null
  /** Those a person can use now. */
  methods: AuthMethod[]
}

export type LinkState = 'pending' | 'completed' | 'cancelled' | 'expired'

/** Everything the page, or a product that draws its own, needs to know of a link. */
export interface LinkView {
  link: ConnectLinkRow
  state: LinkState
  brand: Brand
  customerName: string | null
  /** Those that may be connected: one where the link names one. */
  apps: App[]
  /** The app of the account that was connected. */
  connected: App | undefined
}

/** An app and one of its auth methods. */
export interface Choice {
  app: App
  method: AuthMethod
}

export const stateOf = (link: ConnectLinkRow): LinkState => (isExpired(link) ? 'expired' : link.status)

export const scopeOfLink = (link: ConnectLinkRow): TenantScope => ({
  organizationId: link.organization_id,
  customerIds: link.customer_id === null ? null : [link.customer_id],
})

export async function viewOf(db: Database, link: ConnectLinkRow): Promise<LinkView> {
  return db.read(scopeOfLink(link), async (tx) => ({
    link,
    state: stateOf(link),
    brand: await brandOf(tx, link),
    customerName:
      link.customer_id === null ? null : ((await findCustomer(tx, link.customer_id))?.name ?? null),
    ...(await appsOf(tx, link)),
  }))
}

/** Is the person at the provider's page? */
export const authorizing = (db: Database, link: ConnectLinkRow): Promise<boolean> =>
  db.read(scopeOfLink(link), (tx) => isAuthorizing(tx, link.id))

async function brandOf(tx: Tx, link: ConnectLinkRow): Promise<Brand> {
  const organization = await getOrganization(tx, link.organization_id)
  if (organization === undefined) throw new AppError('internal', 'The organization of a link is gone.')
  const { displayName, logoUrl, primaryColor, supportUrl, privacyUrl } = brandingOf(organization)
  return { name: displayName ?? organization.name, logoUrl, primaryColor, supportUrl, privacyUrl }
}

async function appsOf(tx: Tx, link: ConnectLinkRow): Promise<Pick<LinkView, 'apps' | 'connected'>> {
  if (link.status !== 'pending') return { apps: [], connected: await connectedApp(tx, link) }
  const named = link.connector_id === null ? null : await findConnector(tx, link.connector_id)
  if (named === undefined) return { apps: [], connected: undefined }
  const connectors =
    named === null ? await listConnectors(tx, { query: null, cursor: null, limit: MAX_APPS }) : [named]
  // The person gives an existing account new credentials of the kind it has, unless the link says otherwise.
  const before = link.reconnects === null ? undefined : await getConnection(tx, link.reconnects)
  const wanted = link.auth_method ?? before?.auth_method ?? null
  const methods = await connectableMethods(tx, connectors)
  const apps = connectors
    .map((connector) => {
      const possible = methods.get(connector.id) ?? []
      const chosen = possible.filter(({ slug }) => slug === wanted)
      const usable = link.auth_method !== null ? chosen : chosen.length > 0 ? chosen : possible
      return { connector, iconUrl: iconOf(connector), methods: usable }
    })
    .filter(({ methods: usable }) => usable.length > 0)
    .sort((a, b) => a.connector.name.localeCompare(b.connector.name))
  return { apps, connected: undefined }
}

async function connectedApp(tx: Tx, link: ConnectLinkRow): Promise<App | undefined> {
  const row = link.connection_id === null ? undefined : await getConnection(tx, link.connection_id)
  const connector = row === undefined ? undefined : await findConnector(tx, row.connector_id)
  return connector && { connector, iconUrl: iconOf(connector), methods: [] }
}

function iconOf(connector: ConnectorRow): string | null {
  const { iconUrl } = headOf(connector)
  return iconUrl !== undefined && URL.canParse(iconUrl) && new URL(iconUrl).protocol === 'https:'
    ? iconUrl
    : null
}

/** What the person fills in: everything, or only what consent does not bring. */
export const fieldsOf = (method: AuthMethod): CredentialField[] =>
  needsConsent(method) ? extraFields(method) : credentialFields(method)

/** The app chosen: the named one, else the only one; undefined when there is a choice to make. */
export function chosenApp(view: LinkView, slug: string | undefined): App | undefined {
  if (slug !== undefined) return view.apps.find(({ connector }) => connector.slug === slug)
  return view.apps.length === 1 ? view.apps[0] : undefined
}

export function chosenMethod(app: App, slug: string | undefined): AuthMethod | undefined {
  if (slug !== undefined) return app.methods.find((method) => method.slug === slug)
  return app.methods.length === 1 ? app.methods[0] : undefined
}

/** @throws AppError `not_found`, or `invalid_input` when there is a choice to make and none was made */
export function requireChoice(
  view: LinkView,
  connector: string | undefined,
  authMethod: string | undefined,
): Choice {
  const app = chosenApp(view, connector)
  if (app === undefined) {
    const known = view.apps.map((candidate) => candidate.connector.slug).join(', ')
    if (connector !== undefined) throw notFound('connector', connector, `This link connects: ${known}.`)
    throw invalidInput('Say which connector.', { where: 'connector', hint: `One of: ${known}.` })
  }
  const method = chosenMethod(app, authMethod)
  if (method !== undefined) return { app, method }
  const known = app.methods.map(({ slug }) => slug).join(', ')
  throw invalidInput(
    authMethod === undefined
      ? 'Say which auth method.'
      : `${app.connector.slug} has no auth method '${authMethod}' for this link.`,
    { where: 'authMethod', hint: `One of: ${known}.` },
  )
}

/** The scopes consent will be asked for, with what the app says they grant. */
export const scopesOf = (method: AuthMethod): { name: string; description: string | null }[] =>
  (method.defaultScopes ?? []).map((name) => ({ name, description: method.scopes?.[name] ?? null }))
