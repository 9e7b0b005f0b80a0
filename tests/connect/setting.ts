import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AuthorizationServer, CLIENT, startAuthorizationServer } from '../setup/authorization-server.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../setup/platform.ts'
import { startUpstream, type Upstream } from '../setup/upstream.ts'

export const RIGHT_KEY = 'key-that-is-right'

/** A server with two apps: one that takes a key, one with an authorization server of its own. */
export interface Setting {
  platform: TestPlatform
  tenant: Tenant
  customerId: string
  upstream: Upstream
  server: AuthorizationServer
  /** A new connect link. */
  link(settings?: object): Promise<{ url: string; token: string; id: string }>
  connections(connector: string): Promise<Body[]>
  close(): Promise<void>
}

export async function openSetting(): Promise<Setting> {
  const platform = await startTestPlatform()
  const tenant = await platform.organization('Acme')
  const upstream = await startUpstream()
  upstream.answer = ({ headers }) =>
    headers['x-api-key'] === RIGHT_KEY || headers.authorization?.startsWith('Basic ')
      ? { status: 200, body: { account: 'acme' } }
      : { status: 401, body: { error: { message: 'No such API key' } } }
  const server = await startAuthorizationServer(`${platform.url}/oauth/callback`)
  const { customer } = await tenant.ok('create_customer', { name: 'Globex Corporation', slug: 'globex' })
  await describeKeyApp(tenant, upstream.url)
  await describeOAuthApp(tenant, server.url)
  return {
    platform,
    tenant,
    customerId: customer.id,
    upstream,
    server,
    link: async (settings = {}) => {
      const { url, link } = await tenant.ok('create_connect_link', { customer: 'globex', ...settings })
      return { url, id: link.id, token: new URL(url).searchParams.get('token') ?? '' }
    },
    connections: async (connector) => (await tenant.ok('list_connections', { connector })).connections,
    close: async () => {
      await server.close()
      await upstream.close()
      await platform.close()
    },
  }
}

async function describeKeyApp(tenant: Tenant, baseUrl: string): Promise<void> {
  await tenant.ok('create_connector', {
    name: 'Parcelo',
    slug: 'parcelo',
    description: 'Ships parcels. Labels, tracking and returns.',
    baseUrl,
    authMethods: [
      {
        slug: 'key',
        type: 'api_key',
        name: 'API key',
        description: 'Make a key in Parcelo under Settings → Developers → API keys.',
        documentationUrl: 'https://docs.example.com/keys',
        fields: [
          {
            name: 'account',
            label: 'Account name',
            secret: false,
            optional: true,
            description: 'The first part of your Parcelo address.',
          },
        ],
      },
      { slug: 'basic', type: 'basic_auth', name: 'User name and password' },
    ],
  })
  await addVerification(tenant, 'parcelo')
}

async function describeOAuthApp(tenant: Tenant, url: string): Promise<void> {
  await tenant.ok('create_connector', {
    name: 'Hubcode',
    slug: 'hubcode',
    description: 'Hosts code. Issues, pull requests and releases.',
    baseUrl: `${url}/api`,
    authMethods: [
      {
        slug: 'oauth',
        type: 'oauth2',
        name: 'OAuth',
        flow: 'authorization_code',
        authorizationUrl: `${url}/auth`,
        tokenUrl: `${url}/token`,
        issuer: url,
        scopes: { openid: 'Know who you are', 'things.read': 'Read your repositories and issues' },
        defaultScopes: ['openid', 'things.read'],
      },
    ],
  })
  await addVerification(tenant, 'hubcode')
  await tenant.ok('create_oauth_app', {
    name: 'hubcode',
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    connectors: [{ connector: 'hubcode' }],
  })
}

async function addVerification(tenant: Tenant, connector: string): Promise<void> {
  await tenant.ok('create_action', {
    connector,
    slug: 'me',
    name: 'Who am I',
    method: 'GET',
    path: '/me',
    effect: 'read',
  })
  await tenant.ok('update_connector', { connector, verification: { action: 'me', input: {} } })
}

/** The product's own page, on another site than Patchbay: it embeds the connect page. */
export async function serveProduct(patchbayUrl: string): Promise<{ origin: string; close(): Promise<void> }> {
  const page = `<!doctype html><html lang="en"><title>Acme</title>
<h1>Acme</h1><button id="go">Connect an app</button><p id="outcome"></p>
<script src="${patchbayUrl}/connect/embed.js"></script>
<script>
const run = (url, mode) => Patchbay.connect({ url, mode }).then(
  (outcome) => { document.getElementById('outcome').textContent = JSON.stringify(outcome) },
  (error) => { document.getElementById('outcome').textContent = JSON.stringify({ error: error.code }) })
const query = new URLSearchParams(location.search)
document.getElementById('go').addEventListener('click', () => run(query.get('url'), query.get('mode') ?? undefined))
</script></html>`
  const server = createServer((_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(page))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Another site than 127.0.0.1, as a product is.
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  return {
    origin,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
