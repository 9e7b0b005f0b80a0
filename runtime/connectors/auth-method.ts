import { z } from 'zod'

/** A value a person gives when they connect an account. */
export const CredentialInput = z
  .object({
    name: z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9_]*$/)
      .max(64)
      .describe('Key in the credentials object.'),
    label: z.string().min(1).describe('Label for forms.'),
    secret: z.boolean().describe('Hidden when typed, and never shown again?'),
    optional: z.boolean().optional().describe('May it be left out?'),
    description: z.string().optional().describe('Where to find it.'),
  })
  .describe('A value a person gives when they connect an account.')
export type CredentialInput = z.infer<typeof CredentialInput>

const KeyPlace = z.enum(['header', 'query', 'cookie'])

/** One way to authenticate to a connector's API. */
export const AuthMethod = z
  .object({
    slug: z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9_-]*$/)
      .describe('Identifier of the method within the connector; actions and connections refer to it.'),
    type: z
      .enum(['no_auth', 'api_key', 'basic_auth', 'bearer_token', 'oauth2', 'custom'])
      .describe('How a request is authenticated.'),
    name: z.string().describe('Name shown to the person who connects an account.'),
    description: z.string().optional().describe('What the credential is and where to find it.'),
    documentationUrl: z.string().optional().describe("The app's own page about it."),
    in: KeyPlace.optional().describe(
      'Where the key or token is sent. Default header. api_key, bearer_token and oauth2.',
    ),
    parameterName: z
      .string()
      .optional()
      .describe(
        'Name of the header, query parameter or cookie. Default X-API-Key for api_key, Authorization for bearer_token and oauth2.',
      ),
    prefix: z
      .string()
      .optional()
      .describe(
        "In a header: text before the key or token, with its space, such as 'Token '. Default none for api_key, 'Bearer ' for the others.",
      ),
    alsoSends: z
      .array(
        z.object({
          field: z.string().describe('Key in the credentials.'),
          label: z.string().describe('Label for forms.'),
          in: KeyPlace.describe('Where it is sent.'),
          parameterName: z.string().describe('Name of the header, query parameter or cookie.'),
          prefix: z.string().optional().describe('In a header: text before the value.'),
        }),
      )
      .optional()
      .describe('Further keys sent with every call, for APIs that want two at once.'),
    fields: z
      .array(CredentialInput)
      .optional()
      .describe(
        'Further values of a connection. One that bears the name of a variable of baseUrl fills it in ({shop}). custom: all of its values.',
      ),
    scopes: z
      .record(z.string(), z.string())
      .optional()
      .describe('oauth2 only: scopes the API knows, with what each grants.'),
    defaultScopes: z
      .array(z.string())
      .optional()
      .describe('oauth2 only: scopes asked for unless the OAuth app says otherwise. Default: none named.'),
    scopeSeparator: z
      .enum([' ', ','])
      .optional()
      .describe("oauth2 only: what stands between scopes, sent and received. Default ' '."),
    authorizationUrl: z.string().optional().describe('oauth2 only: where a person gives consent.'),
    tokenUrl: z.string().optional().describe('oauth2 only: where codes and refresh tokens are exchanged.'),
    refreshUrl: z
      .string()
      .optional()
      .describe('oauth2 only: where tokens are refreshed, if not at tokenUrl.'),
    revocationUrl: z
      .string()
      .optional()
      .describe('oauth2 only: where tokens are revoked (RFC 7009) when a connection is deleted.'),
    issuer: z
      .string()
      .optional()
      .describe(
        'oauth2 only: the authorization server; the callback must name it as iss where it sends one (RFC 9207).',
      ),
    flow: z
      .enum(['authorization_code', 'client_credentials', 'implicit', 'password'])
      .optional()
      .describe(
        'oauth2 only: the grant the API describes. implicit and password are performed as authorization_code.',
      ),
    pkce: z.boolean().optional().describe('oauth2 only: send a PKCE challenge (RFC 7636). Default true.'),
    clientAuthentication: z
      .enum(['client_secret_basic', 'client_secret_post', 'none'])
      .optional()
      .describe('oauth2 only: how the client proves itself at tokenUrl. Default client_secret_basic.'),
    authorizationParameters: z
      .record(z.string(), z.string())
      .optional()
      .describe('oauth2 only: parameters added to authorizationUrl, such as {"access_type": "offline"}.'),
    tokenParameters: z
      .record(z.string(), z.string())
      .optional()
      .describe('oauth2 only: parameters added to every request to tokenUrl, such as an audience.'),
    tokenFields: z
      .object({
        accessToken: z.string().optional(),
        refreshToken: z.string().optional(),
        expiresIn: z.string().optional(),
        scope: z.string().optional(),
      })
      .optional()
      .describe(
        'oauth2 only: dot paths in the token response where they are not the standard ones, such as {"accessToken": "authed_user.access_token"}.',
      ),
    expiresInSeconds: z
      .number()
      .int()
      .positive()
      .optional()
      .describe('oauth2 only: how long an access token lives when the response does not say.'),
    code: z
      .string()
      .max(100_000)
      .optional()
      .describe(
        'custom only: a JavaScript module whose default export, async ({request, credentials, crypto}) => ({headers, query}), signs each request in the sandbox.',
      ),
  })
  .describe('One way to authenticate to the API.')
export type AuthMethod = z.infer<typeof AuthMethod>

/** A value that a connection must supply for an auth method. */
export interface CredentialField {
  /** Key in the credentials object. */
  name: string
  /** Label for forms. */
  label: string
  /** Is it to be hidden when typed and never shown again? */
  secret: boolean
  /** May it be left empty? */
  optional?: true
  description?: string
}

/**
 * What a person or program supplies to connect: `no_auth` nothing, `api_key` `apiKey`, `basic_auth` `username`
 * and `password` (which many APIs leave empty), `bearer_token` `token`, `oauth2` `accessToken` and `refreshToken`
 * (when tokens are given directly; consent gets them by itself) or, for the client credentials grant, a client of
 * the account's own (else the OAuth app's is used); and whatever `alsoSends` and `fields` name.
 */
export function credentialFields(method: AuthMethod): CredentialField[] {
  return [...ownFields(method), ...extraFields(method)]
}

/** The values of `alsoSends` and `fields`: what a person still gives where the OAuth flow supplies the rest. */
export function extraFields(method: AuthMethod): CredentialField[] {
  return [
    ...(method.alsoSends ?? []).map(({ field, label }) => ({ name: field, label, secret: true })),
    ...(method.fields ?? []).map(({ name, label, secret, optional, description }) => ({
      name,
      label,
      secret,
      ...(optional === true ? { optional } : {}),
      ...(description === undefined ? {} : { description }),
    })),
  ]
}

function ownFields(method: AuthMethod): CredentialField[] {
  switch (method.type) {
    case 'no_auth':
    case 'custom':
      return []
    case 'api_key':
      return [{ name: 'apiKey', label: 'API key', secret: true }]
    case 'basic_auth':
      return [
        { name: 'username', label: 'User name', secret: false },
        { name: 'password', label: 'Password', secret: true, optional: true },
      ]
    case 'bearer_token':
      return [{ name: 'token', label: 'Token', secret: true }]
    case 'oauth2':
      return method.flow === 'client_credentials'
        ? [
            { name: 'clientId', label: 'Client id', secret: false, optional: true },
            { name: 'clientSecret', label: 'Client secret', secret: true, optional: true },
          ]
        : [
            { name: 'accessToken', label: 'Access token', secret: true },
            { name: 'refreshToken', label: 'Refresh token', secret: true, optional: true },
          ]
  }
}
