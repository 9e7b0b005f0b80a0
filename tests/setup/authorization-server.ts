import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'

/** A certified authorization server on this machine, with an API behind it that its tokens open. */
export interface AuthorizationServer {
  url: string
  /** Requests to the token endpoint, as their form bodies; those that were refused too. */
  tokenRequests: URLSearchParams[]
  revoked: string[]
  /** What a person does with an authorization address: signs in, consents. Gives the callback's address. */
  consent(authorizationUrl: string, decision?: 'allow' | 'deny'): Promise<string>
  /** Makes every access token given so far be refused by the API from now on, as if it had expired early. */
  expireAccessTokens(): Promise<void>
  /** Ends every grant: refresh tokens included. */
  endGrants(): void
  /** The next token requests (or so many) are answered by this instead; false: by the server again. */
  breakTokenEndpoint(answer: { status: number; body: string } | false, times?: number): void
  close(): Promise<void>
}

export const CLIENT = { id: 'patchbay', secret: 'client-secret-of-patchbay' }

/** Tells tokens apart, where a token itself would be taken out of the answer. */
const digestOf = (token: string) => createHash('sha256').update(token).digest('hex').slice(0, 16)

/** @param redirectUri where Patchbay takes callbacks */
export async function startAuthorizationServer(
  redirectUri: string,
  options: {
    clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none'
    accessTokenSeconds?: number
  } = {},
): Promise<AuthorizationServer> {
  const tokenRequests: URLSearchParams[] = []
  const revoked: string[] = []
  const dead = new Set<string>()
  let issued: string[] = []
  let grantsEnded = false
  let broken: { status: number; body: string } | false = false
  let breaks = 0

  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(url, configuration(redirectUri, options))
  provider.on('access_token.saved', (token) => issued.push(String(token.jti)))
  provider.on('access_token.issued', (token) => issued.push(String(token.jti)))

  provider.use(async (context, next) => {
    if (context.path === '/token' && context.method === 'POST') {
      const chunks: Buffer[] = []
      for await (const chunk of context.req) chunks.push(chunk as Buffer)
      const body = new URLSearchParams(Buffer.concat(chunks).toString())
      tokenRequests.push(body)
      Object.assign(context.req, { body: Object.fromEntries(body) })
      if (broken !== false && breaks > 0) {
        breaks -= 1
        context.status = broken.status
        context.type = 'json'
        context.body = broken.body
        return
      }
      if (grantsEnded && body.get('grant_type') === 'refresh_token') {
        context.status = 400
        context.body = { error: 'invalid_grant', error_description: 'grant request is invalid' }
        return
      }
    }
    if (context.path === '/token/revocation') revoked.push(context.path)
    if (context.path === '/api/me') {
      const [, token = ''] = /^Bearer (.+)$/.exec(context.get('authorization')) ?? []
      const found = await provider.AccessToken.find(token)
      const client = found === undefined ? await provider.ClientCredentials.find(token) : undefined
      const ok = (found?.isValid === true || client?.isValid === true) && !dead.has(token)
      context.status = ok ? 200 : 401
      context.body = ok
        ? { sub: found?.accountId ?? client?.clientId, token: digestOf(token) }
        : { error: 'invalid_token' }
      if (ok && token !== '') issued.push(token)
      return
    }
    await next()
  })
  server.on('request', provider.callback())

  return {
    url,
    tokenRequests,
    revoked,
    consent: (address, decision = 'allow') => consent(address, decision, redirectUri),
    expireAccessTokens: async () => {
      for (const token of issued) dead.add(token)
      issued = []
    },
    endGrants: () => {
      grantsEnded = true
    },
    breakTokenEndpoint: (answer, times = Number.POSITIVE_INFINITY) => {
      broken = answer
      breaks = times
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function configuration(
  redirectUri: string,
  {
    clientAuthentication = 'client_secret_basic',
    accessTokenSeconds = 3600,
  }: { clientAuthentication?: string; accessTokenSeconds?: number },
): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT.id,
        ...(clientAuthentication === 'none' ? {} : { client_secret: CLIENT.secret }),
        redirect_uris: [redirectUri],
        grant_types: [
          'authorization_code',
          'refresh_token',
          ...(clientAuthentication === 'none' ? [] : ['client_credentials']),
        ],
        response_types: ['code'],
        token_endpoint_auth_method: clientAuthentication as 'client_secret_basic',
      },
    ],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
    },
    scopes: ['openid', 'offline_access', 'things.read'],
    ttl: { AccessToken: accessTokenSeconds, ClientCredentials: accessTokenSeconds, RefreshToken: 86_400 },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    cookies: { keys: ['a key for tests'] },
  }
}

/** Walks through the server's own sign-in and consent pages, with a cookie jar. */
async function consent(address: string, decision: 'allow' | 'deny', redirectUri: string): Promise<string> {
  const jar = new Map<string, string>()
  const go = async (url: string, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      const at = pair.indexOf('=')
      jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
  let response = await go(address)
  let url = address
  for (let steps = 0; steps < 20; steps++) {
    const location = response.headers.get('location')
    if (location !== null) {
      url = new URL(location, url).href
      if (url.startsWith(redirectUri)) return url
      response = await go(url)
      continue
    }
    const html = await response.text()
    const [, prompt] = /name="prompt" value="(\w+)"/.exec(html) ?? []
    const [, action] = /action="([^"]+)"/.exec(html) ?? []
    const [, abort] = /href="([^"]+\/abort)"/.exec(html) ?? []
    if (decision === 'deny' && abort !== undefined) {
      response = await go(new URL(abort, url).href)
      continue
    }
    if (prompt === undefined || action === undefined)
      throw new Error(`Not a page of consent (${response.status}): ${html.slice(0, 400)}`)
    response = await go(new URL(action, url).href, {
      prompt,
      ...(prompt === 'login' ? { login: 'ann', password: 'secret' } : {}),
    })
  }
  throw new Error('The pages of consent do not end.')
}
