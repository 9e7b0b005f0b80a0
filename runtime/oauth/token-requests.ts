import ipaddr from 'ipaddr.js'
import {
  type AuthorizationServer,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  type Client,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrantRequest,
  customFetch,
  None,
  nopkce,
  processGenericTokenEndpointResponse,
  processRevocationResponse,
  refreshTokenGrantRequest,
  revocationRequest,
  type TokenEndpointResponse,
} from 'oauth4webapi'
import { redactText } from '../../core/secret.ts'
import type { HttpClient } from '../http/client.ts'
import { refusal, toOAuthError } from './problems.ts'
import type { OAuthProfile } from './settings.ts'
import { standardTokenResponse } from './token-response.ts'

const TIMEOUT_MS = 15_000
const MAX_RESPONSE_BYTES = 256 * 1024

/** What a provider granted. */
export interface Tokens {
  accessToken: string
  /** Absent: the one there was stays good (RFC 6749, section 6). */
  refreshToken?: string
  /** Null: the provider does not say, and neither does the auth method. */
  expiresAt: Date | null
  /** Null: as asked for (RFC 6749, 5.1). */
  scopes: string[] | null
}

/** The requests to a provider's token endpoints. All throw AppErrors, as `problems.ts` has them. */
export interface TokenRequests {
  /** Exchanges the code of an accepted callback (RFC 6749, 4.1.3). */
  exchangeCode(
    profile: OAuthProfile,
    callback: URLSearchParams,
    redirectUri: string,
    codeVerifier: string | undefined,
  ): Promise<Tokens>
  clientCredentials(profile: OAuthProfile): Promise<Tokens>
  refresh(profile: OAuthProfile, refreshToken: string): Promise<Tokens>
  /** RFC 7009. Does nothing where the provider has no such endpoint. */
  revoke(profile: OAuthProfile, token: string): Promise<void>
}

export function buildTokenRequests(http: HttpClient): TokenRequests {
  const options = (profile: OAuthProfile, url: string, doing: string) => ({
    [customFetch]: async (address: string, init: RequestInit) => {
      const response = await http.request({
        method: 'POST',
        url: address,
        headers: { ...headersOf(init.headers), accept: 'application/json' },
        body: String(init.body ?? ''),
        timeoutMs: TIMEOUT_MS,
        maxResponseBytes: MAX_RESPONSE_BYTES,
        maxRedirects: 0,
      })
      const standard = standardTokenResponse(response, profile)
      if (standard.ok) return standard
      const text = redactText(await standard.text(), secretsIn(profile, init))
      if (standard.status < 500) return new Response(text, standard)
      // The library takes only 4xx for refusals (RFC 6749, 5.2): here the provider is not well, which passes.
      const { error, error_description: said } = JSON.parse(text) as Record<string, string | undefined>
      throw refusal(error ?? `status_${standard.status}`, said, doing, standard.status)
    },
    [allowInsecureRequests]: isOnThisNetwork(url),
  })
  const additional = (profile: OAuthProfile) => new URLSearchParams({ ...profile.tokenParameters })

  const granted = async (
    profile: OAuthProfile,
    doing: string,
    request: (doing: string) => Promise<Response>,
  ): Promise<Tokens> => {
    try {
      const response = await request(doing)
      const { server, client } = parties(profile)
      return toTokens(await processGenericTokenEndpointResponse(server, client, response), profile)
    } catch (cause) {
      throw toOAuthError(cause, doing)
    }
  }

  return {
    exchangeCode: (profile, callback, redirectUri, codeVerifier) =>
      granted(profile, 'Exchanging the authorization code', (doing) => {
        const { server, client, auth } = parties(profile)
        return authorizationCodeGrantRequest(
          server,
          client,
          auth,
          callback,
          redirectUri,
          codeVerifier ?? nopkce,
          {
            ...options(profile, profile.tokenUrl, doing),
            additionalParameters: additional(profile),
          } as never,
        )
      }),
    clientCredentials: (profile) =>
      granted(profile, 'Asking for a token', (doing) => {
        const { server, client, auth } = parties(profile)
        const parameters = additional(profile)
        if (profile.scopes.length > 0) parameters.set('scope', profile.scopes.join(profile.scopeSeparator))
        return clientCredentialsGrantRequest(
          server,
          client,
          auth,
          parameters,
          options(profile, profile.tokenUrl, doing) as never,
        )
      }),
    refresh: (profile, refreshToken) =>
      granted(profile, 'Refreshing the token', (doing) => {
        const { server, client, auth } = parties({ ...profile, tokenUrl: profile.refreshUrl })
        return refreshTokenGrantRequest(server, client, auth, refreshToken, {
          ...options(profile, profile.refreshUrl, doing),
          additionalParameters: additional(profile),
        } as never)
      }),
    revoke: async (profile, token) => {
      if (profile.revocationUrl === undefined) return
      const { server, client, auth } = parties(profile)
      try {
        await processRevocationResponse(
          await revocationRequest(server, client, auth, token, {
            [customFetch]: async (address: string, init: RequestInit) => {
              const { status } = await http.request({
                method: 'POST',
                url: address,
                headers: headersOf(init.headers),
                body: String(init.body ?? ''),
                timeoutMs: TIMEOUT_MS,
                maxRedirects: 0,
              })
              // The body of an answer is of no interest: only whether the provider took it.
              return new Response(null, { status: status === 204 ? 200 : status })
            },
            [allowInsecureRequests]: isOnThisNetwork(profile.revocationUrl),
          } as never),
        )
      } catch (cause) {
        throw toOAuthError(cause, 'Revoking the token')
      }
    },
  }
}

/** What a refusal must not repeat to whoever reads it: providers quote what they were sent. As JSON has it. */
function secretsIn({ clientSecret }: OAuthProfile, { body, headers }: RequestInit): string[] {
  const form = new URLSearchParams(String(body ?? ''))
  const sent = ['client_secret', 'refresh_token', 'code', 'code_verifier'].map((name) => form.get(name))
  const basic = new Headers(headers).get('authorization')?.replace(/^Basic /, '')
  return [clientSecret, basic, ...sent].flatMap((secret) =>
    secret === null || secret === undefined ? [] : [JSON.stringify(secret).slice(1, -1)],
  )
}

function parties(profile: OAuthProfile): { server: AuthorizationServer; client: Client; auth: ClientAuth } {
  return {
    server: {
      issuer: profile.issuer ?? new URL(profile.tokenUrl).origin,
      token_endpoint: profile.tokenUrl,
      ...(profile.authorizationUrl === undefined ? {} : { authorization_endpoint: profile.authorizationUrl }),
      ...(profile.revocationUrl === undefined ? {} : { revocation_endpoint: profile.revocationUrl }),
    },
    client: { client_id: profile.clientId },
    auth: clientAuth(profile),
  }
}

function clientAuth({ clientAuthentication, clientSecret }: OAuthProfile): ClientAuth {
  if (clientAuthentication === 'none' || clientSecret === null) return None()
  return clientAuthentication === 'client_secret_post'
    ? ClientSecretPost(clientSecret)
    : ClientSecretBasic(clientSecret)
}

function toTokens(response: TokenEndpointResponse, profile: OAuthProfile): Tokens {
  const seconds = response.expires_in ?? profile.expiresInSeconds
  return {
    accessToken: response.access_token,
    ...(response.refresh_token === undefined ? {} : { refreshToken: response.refresh_token }),
    expiresAt: seconds === undefined ? null : new Date(Date.now() + seconds * 1000),
    scopes: response.scope === undefined ? null : response.scope.split(' ').filter((scope) => scope !== ''),
  }
}

const headersOf = (headers: RequestInit['headers']): Record<string, string> =>
  Object.fromEntries(new Headers(headers))

/**
 * OAuth wants TLS. Without it only providers on this machine or a private network are spoken to, and those the
 * HTTP client refuses unless they are configured as allowed.
 */
export function isOnThisNetwork(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() !== 'unicast'
}
