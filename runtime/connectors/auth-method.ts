import { z } from 'zod'

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
    in: z
      .enum(['header', 'query', 'cookie'])
      .optional()
      .describe('api_key only: where the key is sent. Default header.'),
    parameterName: z
      .string()
      .optional()
      .describe('api_key only: name of the header, query parameter or cookie. Default X-API-Key.'),
    prefix: z
      .string()
      .optional()
      .describe("api_key in a header only: text before the key, with its space, such as 'Token '."),
    scopes: z
      .record(z.string(), z.string())
      .optional()
      .describe('oauth2 only: scopes the API knows, with what each grants.'),
    authorizationUrl: z.string().optional().describe('oauth2 only: where a person gives consent.'),
    tokenUrl: z.string().optional().describe('oauth2 only: where codes and refresh tokens are exchanged.'),
    refreshUrl: z
      .string()
      .optional()
      .describe('oauth2 only: where tokens are refreshed, if not at tokenUrl.'),
    flow: z
      .enum(['authorization_code', 'client_credentials', 'implicit', 'password'])
      .optional()
      .describe('oauth2 only: the grant the API describes.'),
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
}

/**
 * What a connection must supply: `no_auth` nothing, `api_key` `apiKey`, `basic_auth` `username` and
 * `password` (which many APIs leave empty), `bearer_token` `token`, `oauth2` `accessToken`. A `custom`
 * method declares nothing yet.
 */
export function credentialFields(method: AuthMethod): CredentialField[] {
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
      return [{ name: 'accessToken', label: 'Access token', secret: true }]
  }
}
