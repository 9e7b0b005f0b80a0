import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** An OAuth app without its client secret. */
export interface OAuthAppRow {
  id: string
  slug: string
  name: string
  client_id: string
  has_secret: boolean
  /** What it says otherwise than the auth methods it serves; see OAuthAppSettings of runtime/oauth. */
  settings: JsonObject
  connectors: { connector: string; authMethod: string }[]
  created_at: Date
  updated_at: Date
}

/** With its sealed client secret, for the runtime alone. */
export interface SealedOAuthAppRow extends OAuthAppRow {
  client_secret: string | null
}

const COLUMNS = `a.id, a.slug, a.name, a.client_id, a.client_secret IS NOT NULL AS has_secret, a.settings, a.created_at, a.updated_at,
  coalesce((SELECT jsonb_agg(jsonb_build_object('connector', c.slug, 'authMethod', l.auth_method) ORDER BY c.slug, l.auth_method)
    FROM oauth_app_connectors l JOIN connectors c ON c.id = l.connector_id WHERE l.oauth_app_id = a.id), '[]') AS connectors`

export const insertOAuthApp = (
  tx: Tx,
  app: {
    id: string
    organizationId: string
    slug: string
    name: string
    clientId: string
    /** Sealed; null for a public client. */
    clientSecret: string | null
    settings: object
  },
) =>
  tx.run(
    `INSERT INTO oauth_apps (id, organization_id, slug, name, client_id, client_secret, settings) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [app.id, app.organizationId, app.slug, app.name, app.clientId, app.clientSecret, toJsonb(app.settings)],
  )

export const updateOAuthApp = (
  tx: Tx,
  id: string,
  change: { name: string; clientId: string; settings: object; clientSecret: string | null | undefined },
) =>
  tx.run(
    `UPDATE oauth_apps SET name = $2, client_id = $3, settings = $4,
       client_secret = CASE WHEN $5 THEN $6 ELSE client_secret END, updated_at = now() WHERE id = $1`,
    [
      id,
      change.name,
      change.clientId,
      toJsonb(change.settings),
      change.clientSecret !== undefined,
      change.clientSecret ?? null,
    ],
  )

export const findOAuthApp = (tx: Tx, ref: string) =>
  tx.row<OAuthAppRow>(`SELECT ${COLUMNS} FROM oauth_apps a WHERE a.id = $1 OR a.slug = $1 LIMIT 1`, [ref])

export const getSealedOAuthApp = (tx: Tx, ref: string) =>
  tx.row<SealedOAuthAppRow>(
    `SELECT ${COLUMNS}, a.client_secret FROM oauth_apps a WHERE a.id = $1 OR a.slug = $1 LIMIT 1`,
    [ref],
  )

/** The app a connector's auth method uses unless another is named. */
export const getOAuthAppOf = (tx: Tx, connectorId: string, authMethod: string) =>
  tx.row<SealedOAuthAppRow>(
    `SELECT ${COLUMNS}, a.client_secret FROM oauth_apps a JOIN oauth_app_connectors m ON m.oauth_app_id = a.id
     WHERE m.connector_id = $1 AND m.auth_method = $2`,
    [connectorId, authMethod],
  )

/** Which auth methods have an app: of one connector, or of all. */
export const listOAuthAppMethods = (tx: Tx, connectorId: string | null) =>
  tx.rows<{ connector_id: string; auth_method: string }>(
    'SELECT connector_id, auth_method FROM oauth_app_connectors WHERE $1::text IS NULL OR connector_id = $1',
    [connectorId],
  )

export const listOAuthApps = (tx: Tx, page: { cursor: string | null; limit: number }) =>
  tx.rows<OAuthAppRow>(
    `SELECT ${COLUMNS} FROM oauth_apps a WHERE ($1::text IS NULL OR a.id < $1) ORDER BY a.id DESC LIMIT $2`,
    [page.cursor, page.limit],
  )

/** Makes the app serve these auth methods; one that another app served is taken over. */
export async function setOAuthAppConnectors(
  tx: Tx,
  app: { id: string; organizationId: string },
  links: readonly { connectorId: string; authMethod: string }[],
): Promise<void> {
  await tx.run('DELETE FROM oauth_app_connectors WHERE oauth_app_id = $1', [app.id])
  await tx.run(
    `INSERT INTO oauth_app_connectors (organization_id, oauth_app_id, connector_id, auth_method)
     SELECT $1, $2, l.connector_id, l.auth_method FROM unnest($3::text[], $4::text[]) AS l(connector_id, auth_method)
     ON CONFLICT (connector_id, auth_method) DO UPDATE SET oauth_app_id = excluded.oauth_app_id`,
    [
      app.organizationId,
      app.id,
      links.map(({ connectorId }) => connectorId),
      links.map(({ authMethod }) => authMethod),
    ],
  )
}

export const countConnectionsOfApp = async (tx: Tx, id: string): Promise<number> =>
  (await tx.row<{ n: number }>('SELECT count(*)::int AS n FROM connections WHERE oauth_app_id = $1', [id]))
    ?.n ?? 0

export const deleteOAuthApp = (tx: Tx, id: string) => tx.run('DELETE FROM oauth_apps WHERE id = $1', [id])
