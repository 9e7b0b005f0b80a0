import { z } from 'zod'
import { conflict, invalidInput, notFound } from '../../core/errors.ts'
import { brokenUnique, type Tx } from '../../db/database.ts'
import { findOAuthApp, type OAuthAppRow } from '../../db/oauth-apps.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { OAuthAppSettings } from '../../runtime/oauth/settings.ts'
import { requireConnector } from '../connectors/connector.ts'
import { ConnectorRef, Timestamp } from '../params.ts'

export const OAuthAppRef = z.string().min(1).describe('An OAuth app’s slug or id (oap_…).')

/** An OAuth app as tools show it: never its client secret. */
export const OAuthApp = z.object({
  id: z.string().describe('oap_…'),
  slug: z.string(),
  name: z.string(),
  clientId: z.string(),
  hasSecret: z.boolean().describe('False: a public client.'),
  settings: OAuthAppSettings.describe('What it says otherwise than the auth methods it serves.'),
  connectors: z
    .array(z.object({ connector: z.string(), authMethod: z.string() }))
    .describe('The auth methods that use it unless another app is named.'),
  redirectUri: z.string().describe('What to register at the provider as redirect (callback) URI.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toOAuthApp = (row: OAuthAppRow, redirectUri: string) => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  clientId: row.client_id,
  hasSecret: row.has_secret,
  settings: OAuthAppSettings.parse(row.settings),
  connectors: row.connectors,
  redirectUri,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** The fields that create_oauth_app and update_oauth_app share, described once. */
export const OAuthAppFields = {
  name: z.string().trim().min(1).max(200).describe('Display name, e.g. "HubSpot (production client)".'),
  clientId: z.string().trim().min(1).max(1000).describe('Client id the provider issued.'),
  clientSecret: z
    .string()
    .min(1)
    .max(10_000)
    .describe('Client secret the provider issued. Stored encrypted, never shown again.'),
  settings: OAuthAppSettings.describe('What it says otherwise than the auth methods it serves.'),
  connectors: z
    .array(
      z.object({
        connector: ConnectorRef,
        authMethod: z
          .string()
          .min(1)
          .optional()
          .describe('Slug of an oauth2 auth method; its first one when left out.'),
      }),
    )
    .max(200)
    .describe('Connectors whose accounts are connected with it. One app may serve many.'),
}

/** @throws AppError `not_found` */
export async function requireOAuthApp(tx: Tx, ref: string): Promise<OAuthAppRow> {
  const row = await findOAuthApp(tx, ref)
  if (row === undefined) throw notFound('OAuth app', ref, 'list_oauth_apps shows the ones there are.')
  return row
}

/**
 * The auth methods an app is to serve.
 * @throws AppError `not_found`, `invalid_input` naming the entry that is no OAuth method
 */
export async function resolveLinks(
  tx: Tx,
  links: z.output<typeof OAuthAppFields.connectors>,
): Promise<{ connectorId: string; authMethod: string }[]> {
  const resolved = []
  for (const [i, link] of links.entries()) {
    const connector = await requireConnector(tx, link.connector)
    const methods = headOf(connector).authMethods.filter(({ type }) => type === 'oauth2')
    const method = methods.find(({ slug }) => link.authMethod === undefined || slug === link.authMethod)
    if (method === undefined) {
      throw invalidInput(
        `${connector.slug} has no oauth2 auth method${link.authMethod === undefined ? '' : ` '${link.authMethod}'`}.`,
        {
          where: `connectors.${i}.authMethod`,
          hint:
            methods.length === 0
              ? 'Describe one with update_connector.'
              : `Use: ${methods.map(({ slug }) => slug).join(', ')}.`,
        },
      )
    }
    resolved.push({ connectorId: connector.id, authMethod: method.slug })
  }
  return resolved
}

/** What a taken slug means to the caller; other errors pass. */
export const asAppConflict = (error: unknown, slug: string): unknown =>
  brokenUnique(error) === undefined
    ? error
    : conflict(`An OAuth app with the slug '${slug}' exists already.`, {
        where: 'slug',
        hint: 'Give another slug, or change the existing one (update_oauth_app).',
      })
