import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { ConnectLinkRow } from '../../db/connect-links.ts'
import { listConnections } from '../../db/connections.ts'
import { type Invoker, invoke } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import { type Choice, type LinkState, type LinkView, scopeOfLink, stateOf } from './view.ts'

/** Attempts with one link: a person mistypes a few times, a program that guesses does not stop. */
const CALLS_PER_MINUTE = 20
const MAX_ACCOUNTS_LOOKED_AT = 200

export interface ConnectDeps {
  registry: Registry
  invoker: Invoker
}

/** Whoever has the link, limited to what it is for. Nothing here has a path to the data but the tools'. */
const linkActor = (link: ConnectLinkRow, permission: Permission): Actor => ({
  kind: 'connect_link',
  id: link.id,
  name: 'Connect link',
  organizationId: link.organization_id,
  role: 'end_user',
  permissions: new Set([permission]),
  customerIds: link.customer_id === null ? null : [link.customer_id],
  mode: 'live',
  ratePerMinute: CALLS_PER_MINUTE,
  door: 'http',
})

const call = (
  { registry, invoker }: ConnectDeps,
  name: string,
  actor: Actor,
  input: Record<string, unknown>,
): Promise<Record<string, unknown>> => {
  const tool = registry.get(name)
  if (tool === undefined) throw new AppError('internal', `There is no ${name}.`)
  return invoke(invoker, { tool, actor, input })
}

const storing = (link: ConnectLinkRow) =>
  linkActor(link, link.reconnects === null ? 'connections.create' : 'connections.update')

/** @throws AppError `conflict` for a link that cannot be used any more, saying why */
export function requirePending(link: ConnectLinkRow): void {
  const state = stateOf(link)
  if (state === 'pending') return
  throw new AppError('conflict', unusable[state], {
    where: 'link',
    hint: 'Ask for a new link (create_connect_link).',
    data: { status: state, connectionId: link.connection_id },
  })
}

const unusable: Record<Exclude<LinkState, 'pending'>, string> = {
  completed: 'This connect link was used already.',
  cancelled: 'This connect link was cancelled.',
  expired: 'This connect link has expired.',
}

/**
 * Stores the account with the credentials given, after they were tried.
 * @returns the connection's id
 * @throws AppError the provider's refusal; `conflict` when the link was used meanwhile
 */
export async function connectWith(
  deps: ConnectDeps,
  view: LinkView,
  { app, method }: Choice,
  credentials: Record<string, string>,
): Promise<string> {
  const { link } = view
  requirePending(link)
  const output =
    link.reconnects === null
      ? await call(deps, 'create_connection', storing(link), {
          customer: link.customer_id,
          connector: app.connector.id,
          authMethod: method.slug,
          credentials,
          name: await nameFor(deps, view, app),
        })
      : await call(deps, 'update_connection', storing(link), {
          connection: link.reconnects,
          authMethod: method.slug,
          credentials,
        })
  deps.invoker.services.connectLinks.used()
  return String((output.connection as { id?: unknown }).id)
}

/** Where the person gives consent. @throws AppError */
export async function beginConsent(
  deps: ConnectDeps,
  view: LinkView,
  { app, method }: Choice,
  fields: Record<string, string>,
): Promise<{ url: string; expiresAt: string }> {
  const { link } = view
  requirePending(link)
  const { url, expiresAt } = await call(deps, 'start_oauth', storing(link), {
    authMethod: method.slug,
    fields,
    ...(link.return_url === null ? {} : { returnUrl: link.return_url }),
    ...(link.reconnects === null
      ? { connector: app.connector.id, customer: link.customer_id, name: await nameFor(deps, view, app) }
      : { connection: link.reconnects }),
  })
  return { url: String(url), expiresAt: String(expiresAt) }
}

export async function cancelLink(deps: ConnectDeps, link: ConnectLinkRow): Promise<void> {
  await call(deps, 'cancel_connect_link', linkActor(link, 'connections.create'), { link: link.id })
}

/** "GitHub", and for a further account of the same customer "GitHub 2": a person need not think of a name. */
async function nameFor({ invoker }: ConnectDeps, { link }: LinkView, { connector }: Choice['app']) {
  if (link.connection_name !== null) return link.connection_name
  const rows = await invoker.db.read(scopeOfLink(link), (tx) =>
    listConnections(tx, {
      customerId: link.customer_id,
      connectorId: connector.id,
      status: null,
      cursor: null,
      limit: MAX_ACCOUNTS_LOOKED_AT,
    }),
  )
  const taken = new Set(rows.filter((row) => row.customer_id === link.customer_id).map(({ name }) => name))
  let name = connector.name
  for (let number = 2; taken.has(name); number += 1) name = `${connector.name} ${number}`
  return name
}
