import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { buildHttpClient, type HttpClient, type HttpClientOptions } from './client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const servers: Server[] = []
const clients: HttpClient[] = []
let handler: Handler = (_request, response) => response.end()
let base = ''
let otherOrigin = ''

async function listen(): Promise<string> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => handler(request, response, body))
  })
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  base = await listen()
  otherOrigin = await listen()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  const built = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'], ...options })
  clients.push(built)
  return built
}

const failure = async (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => {
      throw new Error('the request was expected to fail')
    },
    (error: AppError) => error,
  )

test('a request goes out with its method, headers and body, and the response comes back whole', async () => {
  handler = (request, response, body) => {
    response.setHeader('x-seen', `${request.method} ${request.headers['x-a']} ${body}`)
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.writeHead(201)
    response.end('created')
  }
  const response = await client().request({
    method: 'post',
    url: `${base}/x`,
    headers: { 'x-a': '1' },
    body: 'hello',
  })
  expect(response.status).toBe(201)
  expect(response.headers['x-seen']).toBe('POST 1 hello')
  expect(response.headers['set-cookie']).toBe('a=1, b=2')
  expect(Buffer.from(response.body).toString()).toBe('created')
  expect(response.url).toBe(`${base}/x`)
})

test.each([
  ['http://127.0.0.1:1/', '127.0.0.1'],
  ['http://2130706433/', '127.0.0.1'],
  ['http://0x7f.1/', '127.0.0.1'],
  ['http://017700000001/', '127.0.0.1'],
  ['http://[::1]/', '::1'],
  ['http://[::ffff:169.254.169.254]/', '::ffff:a9fe:a9fe'],
  ['http://169.254.169.254/latest/meta-data', '169.254.169.254'],
])('%s is refused, naming the address and the setting that would allow it', async (url, address) => {
  const error = await failure(client({ allowedPrivateHosts: [] }).request({ method: 'GET', url }))
  expect(error.code).toBe('forbidden')
  expect(error.message).toContain(address)
  expect(error.hint).toContain('PATCHBAY_ALLOWED_PRIVATE_HOSTS')
  expect(error.retryable).toBe(false)
})

test('a name that resolves to a private address is refused, naming both', async () => {
  const rebinding = client({
    allowedPrivateHosts: [],
    resolve: (_hostname, callback) => callback(null, [{ address: '10.0.0.5', family: 4 }]),
  })
  const error = await failure(rebinding.request({ method: 'GET', url: 'http://intranet.example/' }))
  expect(error.code).toBe('forbidden')
  expect(error.message).toContain('intranet.example (10.0.0.5)')
})

test('one private address among public ones refuses the name', async () => {
  const mixed = client({
    allowedPrivateHosts: [],
    resolve: (_hostname, callback) =>
      callback(null, [
        { address: '8.8.8.8', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]),
  })
  expect((await failure(mixed.request({ method: 'GET', url: 'http://mixed.example/' }))).code).toBe(
    'forbidden',
  )
})

test('the socket opens to the address that was checked: a name server that changes its answer gains nothing', async () => {
  handler = (_request, response) => response.end('reached')
  let answers = 0
  const port = new URL(base).port
  const rebinding = client({
    allowedPrivateHosts: [`127.0.0.1:${port}`],
    resolve: (_hostname, callback) => {
      answers += 1
      callback(null, [{ address: answers === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }])
    },
  })
  const response = await rebinding.request({ method: 'GET', url: `http://flips.example:${port}/` })
  expect(Buffer.from(response.body).toString()).toBe('reached')
  expect(answers).toBe(1)
})

test('a redirect to the metadata service is refused', async () => {
  handler = (_request, response) => {
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' })
    response.end()
  }
  const error = await failure(client().request({ method: 'GET', url: base }))
  expect(error.code).toBe('forbidden')
  expect(error.message).toContain('169.254.169.254')
})

test('a redirect to another scheme than http and https is refused', async () => {
  handler = (_request, response) => {
    response.writeHead(302, { location: 'file:///etc/passwd' })
    response.end()
  }
  expect((await failure(client().request({ method: 'GET', url: base }))).code).toBe('invalid_input')
})

test('across origins no header that could carry a credential survives a redirect', async () => {
  let seen: IncomingMessage['headers'] = {}
  handler = (request, response) => {
    if (request.url === '/start') {
      response.writeHead(307, { location: `${otherOrigin}/end` })
      response.end()
    } else {
      seen = request.headers
      response.end('done')
    }
  }
  const headers = {
    authorization: 'Bearer t',
    cookie: 's=1',
    'x-shop-key': 'k',
    'X-Custom': 'c',
    accept: 'text/plain',
  }
  await client().request({ method: 'GET', url: `${base}/start`, headers })
  expect(seen.authorization).toBeUndefined()
  expect(seen.cookie).toBeUndefined()
  expect(seen['x-shop-key']).toBeUndefined()
  expect(seen['x-custom']).toBeUndefined()
  expect(seen.accept).toBe('text/plain')
})

test('within an origin a redirect keeps credentials; 302 turns a POST into a GET without a body', async () => {
  let seen = ''
  handler = (request, response, body) => {
    if (request.url === '/start') {
      response.writeHead(302, { location: '/end' })
      response.end()
    } else {
      seen = `${request.method} ${request.headers.authorization} ${request.headers['content-type']} [${body}]`
      response.end()
    }
  }
  const headers = { authorization: 'Bearer t', 'content-type': 'text/plain' }
  const response = await client().request({ method: 'POST', url: `${base}/start`, headers, body: 'secret' })
  expect(seen).toBe('GET Bearer t undefined []')
  expect(response.url).toBe(`${base}/end`)
})

test('308 repeats method and body; a 301 answering a DELETE is returned, not turned into a GET', async () => {
  let seen = ''
  handler = (request, response, body) => {
    if (request.url === '/start') {
      response.writeHead(request.method === 'DELETE' ? 301 : 308, { location: '/end' })
      response.end()
    } else {
      seen = `${request.method} ${body}`
      response.end()
    }
  }
  await client().request({ method: 'PUT', url: `${base}/start`, body: 'again' })
  expect(seen).toBe('PUT again')
  expect((await client().request({ method: 'DELETE', url: `${base}/start` })).status).toBe(301)
})

test('redirects stop at the limit, which returns the redirect itself', async () => {
  let hops = 0
  handler = (_request, response) => {
    hops += 1
    response.writeHead(302, { location: '/again' })
    response.end()
  }
  const response = await client().request({ method: 'GET', url: base, maxRedirects: 3 })
  expect(response.status).toBe(302)
  expect(hops).toBe(4)
})

test('compressed bodies arrive decompressed', async () => {
  handler = (request, response) => {
    const brotli = request.url === '/br'
    response.writeHead(200, { 'content-encoding': brotli ? 'br' : 'gzip' })
    response.end(brotli ? brotliCompressSync('plain') : gzipSync('plain'))
  }
  for (const path of ['/br', '/gzip']) {
    const response = await client().request({ method: 'GET', url: base + path })
    expect(Buffer.from(response.body).toString()).toBe('plain')
  }
})

test('a gzip bomb stops at the size limit and is not worth a retry', async () => {
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))
  handler = (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    response.end(bomb)
  }
  const before = process.memoryUsage().arrayBuffers
  const error = await failure(client().request({ method: 'GET', url: base, maxResponseBytes: 100_000 }))
  expect(error.code).toBe('upstream_error')
  expect(error.retryable).toBe(false)
  expect(error.message).toContain('100000 bytes')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024)
})

test('a body over the limit is refused from its content-length, before it is read', async () => {
  handler = (_request, response) => {
    response.writeHead(200, { 'content-length': '5000' })
    response.write('x')
  }
  const error = await failure(client().request({ method: 'GET', url: base, maxResponseBytes: 1000 }))
  expect(error.message).toContain('larger than the limit')
})

test('a slow body runs into the total time limit', async () => {
  handler = (_request, response) => {
    response.writeHead(200)
    response.write('x')
  }
  const error = await failure(client().request({ method: 'GET', url: base, timeoutMs: 80 }))
  expect(error.code).toBe('timeout')
  expect(error.retryable).toBe(true)
})

test('an abort signal cancels, before and during the call', async () => {
  handler = () => {}
  expect((await failure(client().request({ method: 'GET', url: base }, AbortSignal.abort()))).code).toBe(
    'cancelled',
  )
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 30)
  expect((await failure(client().request({ method: 'GET', url: base }, controller.signal))).code).toBe(
    'cancelled',
  )
})

test('a refused connection is an upstream error with its errno, worth a retry', async () => {
  const error = await failure(client().request({ method: 'GET', url: 'http://127.0.0.1:1/' }))
  expect(error.code).toBe('upstream_error')
  expect(error.retryable).toBe(true)
  expect(error.data).toMatchObject({ errno: 'ECONNREFUSED' })
})

test('a connection cut in mid-body is an upstream error, never half a body', async () => {
  handler = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half')
    setTimeout(() => response.destroy(), 20)
  }
  expect((await failure(client().request({ method: 'GET', url: base }))).code).toBe('upstream_error')
})

test.each(['ftp://example.com/', 'not a url', '/relative', 'http://user:pass@example.com/'])(
  '%s is not a URL to call',
  async (url) => {
    expect((await failure(client().request({ method: 'GET', url }))).code).toBe('invalid_input')
  },
)

test('a line break in a header cannot smuggle a second header', async () => {
  const error = await failure(
    client().request({ method: 'GET', url: base, headers: { 'x-a': '1\r\nx-b: 2' } }),
  )
  expect(error.code).toBe('invalid_input')
})

test('connections are kept alive between calls', async () => {
  const ports = new Set<number | undefined>()
  handler = (request, response) => {
    ports.add(request.socket.remotePort)
    response.end('ok')
  }
  const pooled = client()
  for (let call = 0; call < 20; call += 1) await pooled.request({ method: 'GET', url: base })
  // The pool may open a second socket while the first is still being handed back.
  expect(ports.size).toBeLessThanOrEqual(2)
})
