import { createHmac } from 'node:crypto'
import aws4 from 'aws4'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { type Received, startUpstream, type Upstream } from './setup/upstream.ts'

let platform: TestPlatform
let tenant: Tenant
let app: Upstream
beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
  app = await startUpstream()
})
afterAll(async () => {
  await platform.close()
  await app.close()
})

const AWS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'eu-west-1',
}

/** AWS Signature Version 4 for the service `execute-api`, as a connector's author would write it. */
const sigV4 = `
const bytes = (text) => new TextEncoder().encode(text)
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('')

export default async ({ request, credentials, crypto }) => {
  const sha256 = async (text) => hex(await crypto.subtle.digest('SHA-256', bytes(text)))
  const hmac = async (key, text) => {
    const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    return crypto.subtle.sign('HMAC', imported, bytes(text))
  }
  const url = new URL(request.url)
  const time = new Date().toISOString().replace(/[:-]|\\.\\d{3}/g, '')
  const day = time.slice(0, 8)
  const query = [...url.searchParams].map(([k, v]) => encodeURIComponent(k) + '=' + encodeURIComponent(v)).sort().join('&')
  const signedHeaders = 'host;x-amz-date'
  const canonical = [
    request.method,
    // Already encoded once in the URL; the canonical form has it encoded twice.
    url.pathname.split('/').map(encodeURIComponent).join('/'),
    query,
    'host:' + url.host + '\\nx-amz-date:' + time + '\\n',
    signedHeaders,
    await sha256(request.body ?? ''),
  ].join('\\n')
  const scope = day + '/' + credentials.region + '/execute-api/aws4_request'
  const toSign = ['AWS4-HMAC-SHA256', time, scope, await sha256(canonical)].join('\\n')
  let key = await hmac(bytes('AWS4' + credentials.secretAccessKey), day)
  for (const part of [credentials.region, 'execute-api', 'aws4_request']) key = await hmac(key, part)
  const signature = hex(await hmac(key, toSign))
  return {
    headers: {
      'X-Amz-Date': time,
      Authorization: 'AWS4-HMAC-SHA256 Credential=' + credentials.accessKeyId + '/' + scope +
        ', SignedHeaders=' + signedHeaders + ', Signature=' + signature,
    },
  }
}`

const hmacBody = `export default async ({ request, credentials, crypto }) => {
  const encode = (text) => new TextEncoder().encode(text)
  const key = await crypto.subtle.importKey('raw', encode(credentials.secret), { name: 'HMAC', hash: 'SHA-512' }, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, encode(request.method + request.body))
  const text = [...new Uint8Array(signature)].map((b) => String.fromCharCode(b)).join('')
  return { headers: { 'X-Signature': btoa(text) }, query: { key: credentials.keyId } }
}`

async function install(slug: string, method: object, credentials: object): Promise<Body> {
  await tenant.ok('create_connector', {
    name: slug,
    slug,
    baseUrl: app.url,
    authMethods: [{ slug: 'signed', type: 'custom', name: 'Signed requests', ...method }],
  })
  await tenant.ok('create_action', {
    connector: slug,
    slug: 'write',
    name: 'Write',
    method: 'POST',
    path: '/things/{id}',
    effect: 'write',
    parameters: [
      { name: 'id', in: 'path' },
      { name: 'q', in: 'query' },
    ],
    body: {},
    inputSchema: { type: 'object', properties: { id: {}, q: {}, text: {} } },
  })
  return tenant.ok('create_connection', { connector: slug, credentials })
}
const write = (connector: string, input: object) =>
  tenant.call('run_action', { connector, action: 'write', input })

test('a SigV4-like handler signs so that an independent implementation agrees', async () => {
  await install(
    'cloud',
    {
      code: sigV4,
      fields: [
        { name: 'accessKeyId', label: 'Access key', secret: false },
        { name: 'secretAccessKey', label: 'Secret key', secret: true },
        { name: 'region', label: 'Region', secret: false },
      ],
    },
    AWS,
  )
  for (const text of ['plain', 'Zażółć "gęślą"', 'a'.repeat(20_000)]) {
    expect((await write('cloud', { id: 'a b/ł', q: 'x=y&z', text })).status).toBe(200)
    const request = app.received.at(-1)
    if (request === undefined) throw new Error('nothing was received')
    const { authorization } = request.headers
    expect(authorization).toContain(`Credential=${AWS.accessKeyId}/`)
    expect(/Signature=(\w+)/.exec(String(authorization))?.[1]).toBe(recompute(request))
  }
})

/** The signature of what was received, by aws4's own canonical request limited to the headers that were signed. */
function recompute({ method, path, headers, body }: Received): string {
  // biome-ignore lint/suspicious/noExplicitAny: internals of aws4, which is the independent implementation
  const { RequestSigner } = aws4 as any
  const signer = new RequestSigner(
    {
      service: 'execute-api',
      region: AWS.region,
      host: headers.host,
      method,
      path,
      body,
      headers: { Host: headers.host, 'X-Amz-Date': headers['x-amz-date'] },
      extraHeadersToIgnore: { 'content-length': true, 'content-type': true },
    },
    AWS,
  )
  signer.prepareRequest()
  return signer.signature()
}

test('an HMAC over the body is what the app computes, header and query; and hidden in traces', async () => {
  await install(
    'hmac',
    {
      code: hmacBody,
      fields: [
        { name: 'keyId', label: 'Key id', secret: false },
        { name: 'secret', label: 'Secret', secret: true },
      ],
    },
    { keyId: 'key-7', secret: 'top-secret-value' },
  )
  const { body } = await write('hmac', { id: '1', text: 'hello' })
  const request = app.received.at(-1)
  const signature = createHmac('sha512', 'top-secret-value').update(`POST${request?.body}`).digest('base64')
  expect(request?.headers['x-signature']).toBe(signature)
  expect(request?.path).toBe('/things/1?key=key-7')
  const { trace } = await tenant.ok('get_trace', { trace: body.traceId })
  expect(JSON.stringify(trace)).not.toContain(signature)
  expect(JSON.stringify(trace)).not.toContain('top-secret-value')
})

test.each([
  ['throws', 'throw new Error("bad " + credentials.secret)', /could not sign the request: bad \[redacted\]/],
  ['breaks a header', 'return { headers: { "X-A": "one\\r\\nX-B: two" } }', /a header cannot carry/],
  ['sets the host', 'return { headers: { Host: "evil.example" } }', /cannot set/],
  ['answers with something else', 'return { url: "https://evil.example" }', /cannot set/],
  ['never ends', 'for (;;) {}', /CPU time|did not finish/],
  ['asks for the network', 'return fetch("https://evil.example")', /no network/],
])('a handler that %s is contained, and the error says so', async (name, code, message) => {
  const slug = `bad${name.replace(/\W/g, '')}`
  await install(
    slug,
    {
      code: `export default async ({ credentials }) => { ${code} }`,
      fields: [{ name: 'secret', label: 'Secret', secret: true }],
    },
    { secret: 'a-secret-of-this-account' },
  )
  const before = app.received.length
  const { status, body } = await write(slug, { id: '1' })
  expect(status).toBeGreaterThanOrEqual(400)
  expect(body.detail).toMatch(message)
  expect(JSON.stringify(body)).not.toContain('a-secret-of-this-account')
  expect(app.received.length).toBe(before)
})

test('code that cannot run is refused when the connector is made, with its line', async () => {
  const { body } = await tenant.call('create_connector', {
    name: 'Broken',
    baseUrl: app.url,
    authMethods: [
      { slug: 'x', type: 'custom', name: 'X', code: 'export default async () => {\n  return {\n' },
    ],
  })
  expect(body).toMatchObject({ code: 'invalid_input', where: 'authMethods.0.code' })
  expect(body.detail).toContain('line 2')
})

test('a custom method without code says that it needs some', async () => {
  await install('digest', { fields: [{ name: 'secret', label: 'Secret', secret: true }] }, { secret: 's' })
  const { body } = await write('digest', { id: '1' })
  expect(body).toMatchObject({ code: 'conflict', where: 'authMethods.signed.code' })
})

test('values of an account fill in the address of its API, and cannot lead elsewhere', async () => {
  const { port } = new URL(app.url)
  await tenant.ok('create_connector', {
    name: 'Shops',
    slug: 'shops',
    baseUrl: `http://{host}:${port}/{version}`,
    authMethods: [
      {
        slug: 'key',
        type: 'api_key',
        name: 'Key',
        fields: [
          { name: 'host', label: 'Host', secret: false },
          { name: 'version', label: 'Version', secret: false },
        ],
      },
    ],
  })
  await tenant.ok('create_action', { connector: 'shops', slug: 'get', name: 'Get', path: '/x' })
  const connect = (name: string, host: string) =>
    tenant.ok('create_connection', {
      connector: 'shops',
      name,
      credentials: { apiKey: 'k', host, version: 'v2' },
      verify: false,
    })
  await connect('good', '127.0.0.1')
  await connect('bad', 'evil.example/#')
  await tenant.ok('run_action', { connector: 'shops', action: 'get', connection: 'good' })
  expect(app.received.at(-1)?.path).toBe('/v2/x')
  const { body } = await tenant.call('run_action', { connector: 'shops', action: 'get', connection: 'bad' })
  expect(body).toMatchObject({ code: 'invalid_input', where: 'variables.host' })
})
