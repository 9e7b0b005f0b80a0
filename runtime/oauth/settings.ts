import { z } from 'zod'
import type { AuthMethod } from '../connectors/definition.ts'
import { misuse } from './problems.ts'

/** What an OAuth app may say otherwise than the auth methods it serves. */
export const OAuthAppSettings = z.object({
  scopes: z
    .array(z.string().min(1).max(500))
    .max(200)
    .optional()
    .describe('Scopes to ask for, in place of the auth method’s default ones.'),
  authorizationParameters: z
    .record(z.string(), z.string())
    .optional()
    .describe('Parameters added to the authorization URL, such as {"access_type": "offline"}.'),
  tokenParameters: z
    .record(z.string(), z.string())
    .optional()
    .describe('Parameters added to every token request, such as an audience.'),
  clientAuthentication: z
    .enum(['client_secret_basic', 'client_secret_post', 'none'])
    .optional()
    .describe('How this client proves itself, in place of what the auth method says.'),
})
export type OAuthAppSettings = z.output<typeof OAuthAppSettings>

/** The client Patchbay is to a provider. */
export interface OAuthClientIdentity {
  clientId: string
  clientSecret: string | null
  settings: OAuthAppSettings
}

/** All that is needed to speak with one provider as one client: the auth method's facts, and the app's over them. */
export interface OAuthProfile {
  authorizationUrl: string | undefined
  tokenUrl: string
  refreshUrl: string
  revocationUrl: string | undefined
  issuer: string | undefined
  clientId: string
  clientSecret: string | null
  clientAuthentication: 'client_secret_basic' | 'client_secret_post' | 'none'
  pkce: boolean
  scopes: readonly string[]
  scopeSeparator: ' ' | ','
  authorizationParameters: Readonly<Record<string, string>>
  tokenParameters: Readonly<Record<string, string>>
  tokenFields: NonNullable<AuthMethod['tokenFields']>
  expiresInSeconds: number | undefined
}

/** @throws AppError `conflict` when the auth method does not say where tokens come from */
export function profileOf(
  method: AuthMethod,
  client: OAuthClientIdentity,
  scopes?: readonly string[],
): OAuthProfile {
  const { settings } = client
  if (method.tokenUrl === undefined) {
    throw misuse(`The auth method '${method.slug}' has no tokenUrl.`, {
      where: 'authMethods',
      hint: 'Set its tokenUrl (and authorizationUrl) with update_connector; the app’s documentation names them.',
    })
  }
  return {
    authorizationUrl: method.authorizationUrl,
    tokenUrl: method.tokenUrl,
    refreshUrl: method.refreshUrl ?? method.tokenUrl,
    revocationUrl: method.revocationUrl,
    issuer: method.issuer,
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    clientAuthentication:
      settings.clientAuthentication ??
      (client.clientSecret === null ? 'none' : (method.clientAuthentication ?? 'client_secret_basic')),
    pkce: method.pkce ?? true,
    scopes: scopes ?? settings.scopes ?? method.defaultScopes ?? [],
    scopeSeparator: method.scopeSeparator ?? ' ',
    authorizationParameters: { ...method.authorizationParameters, ...settings.authorizationParameters },
    tokenParameters: { ...method.tokenParameters, ...settings.tokenParameters },
    tokenFields: method.tokenFields ?? {},
    expiresInSeconds: method.expiresInSeconds,
  }
}

export const isClientCredentials = (method: AuthMethod): boolean => method.flow === 'client_credentials'
