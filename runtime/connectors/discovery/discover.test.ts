import type { LookupAddress } from 'node:dns'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildHttpClient, type HttpClient } from '../../http/client.ts'
import { type Discovery, discoverSpecs } from './discover.ts'
import type { DiscoveryLimits } from './limits.ts'
import { COMMON_PATHS } from './probes.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void
/** What each host answers by path; anything else is 404. */
type Sites = Record<string, Record<string, string | object | Answer>>

let sites: Sites = {}
let asked: string[] = []
let atOnce = 0
let mostAtOnce = 0
let agents = new Set<string>()
let server: Server
let port = 0
let http: HttpClient

beforeAll(async () => {
  server = createServer((request, response) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '')
    const path = request.url ?? '/'
    asked.push(`${host}${path}`)
    agents.add(request.headers['user-agent'] ?? '')
    atOnce += 1
    mostAtOnce = Math.max(mostAtOnce, atOnce)
    response.on('close', () => {
      atOnce -= 1
    })
    const answer = sites[host]?.[path]
    if (typeof answer === 'function') return answer(request, response)
    if (answer === undefined) {
      response.statusCode = 404
      response.end('nothing here')
      return
    }
    response.setHeader('content-type', typeof answer === 'object' ? 'application/json' : 'text/html')
    response.end(typeof answer === 'object' ? JSON.stringify(answer) : answer)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  port = (server.address() as AddressInfo).port
  http = buildHttpClient({ allowedPrivateHosts: [`127.0.0.1:${port}`], resolve })
})
beforeEach(() => {
  sites = {}
  asked = []
  mostAtOnce = 0
  agents = new Set()
})
afterAll(async () => {
  await http.close()
  server.closeAllConnections()
  server.close()
})

/** The test's name server: hosts that have a site are here, `inside.test` is a private one elsewhere. */
function resolve(
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) {
  const address = hostname === 'inside.test' ? '10.0.0.7' : hostname in sites ? '127.0.0.1' : undefined
  if (address !== undefined) return callback(null, [{ address, family: 4 }])
  callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), [])
}

const at = (host: string, path = '/') => `http://${host}:${port}${path}`
const discover = (target: string, limits: Partial<DiscoveryLimits> = {}) =>
  discoverSpecs(target, { http, userAgent: 'Patchbay (+https://patchbay.example/)', limits })
const openapi = (title = 'Shop API', paths = ['/orders', '/items']) => ({
  openapi: '3.1.0',
  info: { title, version: '2' },
  paths: Object.fromEntries(paths.map((path) => [path, { get: {}, post: {} }])),
})
const urls = ({ candidates }: Discovery) => candidates.map(({ url }) => url)
const outcomeOf = ({ tried }: Discovery, url: string) => tried.find((one) => one.url === url)?.outcome
const page = (body: string, head = '') =>
  `<!doctype html><html><head><title>Docs</title>${head}</head><body>${body}</body></html>`

test('at least twenty common paths are known', () => {
  expect(new Set(COMMON_PATHS).size).toBeGreaterThanOrEqual(20)
})

describe('what a site says of its description is found', () => {
  test('an API catalog (RFC 9727), through its linkset', async () => {
    sites = {
      'shop.test': {
        '/.well-known/api-catalog': {
          linkset: [{ anchor: '/v2', 'service-desc': [{ href: '/specs/v2', type: 'application/json' }] }],
        },
        '/specs/v2': openapi(),
      },
    }
    const found = await discover(at('shop.test'))
    expect(found.candidates).toMatchObject([
      {
        url: at('shop.test', '/specs/v2'),
        format: 'openapi',
        formatVersion: '3.1.0',
        title: 'Shop API',
        version: '2',
        operations: 4,
        foundBy: expect.stringContaining('API catalog'),
      },
    ])
    expect(asked.some((one) => one.endsWith('/swagger.json'))).toBe(false)
    expect(found.notAsked[0]?.reason).toContain('nothing more is guessed')
    expect([...agents]).toEqual(['Patchbay (+https://patchbay.example/)'])
  })

  const swagger = { swagger: '2.0', info: { title: 'Old', version: '1' }, paths: { '/a': { get: {} } } }
  test.each<[string, Sites[string], string]>([
    [
      'a link element',
      { '/': page('', '<link rel="service-desc" href="/described">'), '/described': openapi() },
      '/described',
    ],
    [
      'a Link header',
      {
        '/': (_request, response) => {
          response.setHeader('link', '</by-header>; rel="service-desc"')
          response.end('hello')
        },
        '/by-header': openapi(),
      },
      '/by-header',
    ],
    [
      'Swagger UI with its configuration in swagger-initializer.js',
      {
        '/': page('<a href="/documentation/">API documentation</a>'),
        '/documentation/': page(
          '<div id="swagger-ui"></div><script src="./swagger-initializer.js"></script>',
        ),
        '/documentation/swagger-initializer.js': (_request, response) => {
          response.setHeader('content-type', 'text/javascript')
          response.end('window.ui = SwaggerUIBundle({ url: "../internal/spec", dom_id: "#swagger-ui" })')
        },
        '/internal/spec': swagger,
      },
      '/internal/spec',
    ],
    [
      'a swagger-config that Swagger UI reads',
      {
        '/': page('<script>SwaggerUIBundle({ configUrl: "/my-config" })</script>'),
        '/my-config': { urls: [{ url: '/groups/all', name: 'all' }] },
        '/groups/all': openapi(),
      },
      '/groups/all',
    ],
    ['Redoc', { '/': page('<redoc spec-url="spec.bin"></redoc>'), '/spec.bin': openapi() }, '/spec.bin'],
    ['Scalar', { '/': page('<script id="api-reference" data-url="/s1"></script>'), '/s1': openapi() }, '/s1'],
    [
      'Scalar’s createApiReference',
      { '/': page("<script>Scalar.createApiReference('#app', { url: '/s2' })</script>"), '/s2': openapi() },
      '/s2',
    ],
    [
      'Stoplight Elements',
      { '/': page('<elements-api apiDescriptionUrl="/s3" router="hash"></elements-api>'), '/s3': openapi() },
      '/s3',
    ],
    [
      'llms.txt',
      {
        '/llms.txt': '# Shop\n- [OpenAPI description](/files/full.json): all of it',
        '/files/full.json': openapi(),
      },
      '/files/full.json',
    ],
    [
      'ai-plugin.json',
      {
        '/.well-known/ai-plugin.json': { schema_version: 'v1', api: { type: 'openapi', url: '/p' } },
        '/p': openapi(),
      },
      '/p',
    ],
    [
      'a sitemap that robots.txt names',
      {
        '/robots.txt': `Sitemap: /map.xml`,
        '/map.xml': '<?xml version="1.0"?><urlset><url><loc>/x/openapi.yaml</loc></url></urlset>',
        '/x/openapi.yaml':
          'openapi: 3.0.0\ninfo:\n  title: In YAML\n  version: "1"\npaths:\n  /a:\n    get: {}\n',
      },
      '/x/openapi.yaml',
    ],
    [
      'a link to a Postman collection',
      {
        '/': page('<a href="/dl/shop.json" title="Postman Collection">Download</a>'),
        '/dl/shop.json': {
          info: {
            name: 'Shop',
            schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
          },
          item: [{ name: 'Folder', item: [{ name: 'Get', request: 'https://shop.test/a' }] }],
        },
      },
      '/dl/shop.json',
    ],
  ])('%s', async (_name, site, path) => {
    sites = { 'shop.test': site }
    const found = await discover(at('shop.test'))
    expect(urls(found)).toEqual([at('shop.test', path)])
    expect(found.candidates[0]?.operations).toBeGreaterThan(0)
    expect(found.candidates[0]?.stage).toBeLessThanOrEqual(3)
  })
})

describe('what no page names is guessed', () => {
  test.each(COMMON_PATHS.filter((path) => path !== '/v3/api-docs/swagger-config'))('%s', async (path) => {
    sites = { 'shop.test': { '/': page('Welcome'), [path]: openapi() } }
    expect(urls(await discover(at('shop.test')))).toEqual([at('shop.test', path)])
  })

  test('a subdomain, from a bare domain without https', async () => {
    sites = { 'shop.test': { '/': page('Buy!') }, 'api.shop.test': { '/openapi.json': openapi() } }
    const found = await discover(`shop.test:${port}`)
    expect(urls(found)).toEqual([at('api.shop.test', '/openapi.json')])
    // Hosts that do not exist cost one look at the name server, not one per path.
    expect(
      found.notAsked.some(({ reason }) => reason.startsWith(`dev.shop.test:${port}: it cannot be asked`)),
    ).toBe(true)
  })

  test('below an API’s base address', async () => {
    sites = { 'api.shop.test': { '/rest/v7/openapi.json': openapi() } }
    expect(urls(await discover(at('api.shop.test', '/rest/v7')))).toEqual([
      at('api.shop.test', '/rest/v7/openapi.json'),
    ])
  })
})

test('a description is told by its content: a page under its name is none, and equal ones are one', async () => {
  const same = openapi()
  sites = {
    'shop.test': {
      '/': page(
        '<a href="/openapi.json">OpenAPI</a> <a href="/a.json">OpenAPI too</a> <a href="/b.json">openapi</a>',
      ),
      '/openapi.json': page('Not found, but friendly'),
      '/a.json': same,
      '/b.json': same,
    },
  }
  const found = await discover(at('shop.test'))
  expect(found.candidates).toHaveLength(1)
  expect([found.candidates[0]?.url, ...(found.candidates[0]?.alsoAt ?? [])].toSorted()).toEqual([
    at('shop.test', '/a.json'),
    at('shop.test', '/b.json'),
  ])
  expect(outcomeOf(found, at('shop.test', '/openapi.json'))).toMatch(/a page/)
})

test('the likeliest stands first: the larger of those the site names', async () => {
  sites = {
    'shop.test': {
      '/': page('<a href="/small/openapi.json">one</a><a href="/large/openapi.json">two</a>'),
      '/small/openapi.json': openapi('Small', ['/a']),
      '/large/openapi.json': openapi('Large', ['/a', '/b', '/c', '/d', '/e']),
    },
  }
  expect((await discover(at('shop.test'))).candidates.map(({ title }) => title)).toEqual(['Large', 'Small'])
})

test('a document that cannot be read is told with its reason', async () => {
  sites = { 'shop.test': { '/openapi.json': '{"openapi": "3.1.0", "info": ' } }
  const found = await discover(at('shop.test'))
  expect(found.candidates).toEqual([])
  expect(outcomeOf(found, at('shop.test', '/openapi.json'))).toMatch(/JSON ends early/)
})

describe('sites are asked politely', () => {
  test('what robots.txt disallows is not asked', async () => {
    sites = {
      'shop.test': {
        '/robots.txt': 'User-agent: *\nDisallow: /openapi.json\nDisallow: /api',
        '/openapi.json': openapi(),
        '/api/openapi.json': openapi(),
        '/swagger.json': openapi('Allowed'),
      },
    }
    const found = await discover(at('shop.test'))
    expect(found.candidates.map(({ title }) => title)).toEqual(['Allowed'])
    expect(
      asked.filter((one) => one.startsWith('shop.test/api') || one === 'shop.test/openapi.json'),
    ).toEqual([])
    expect(found.notAsked.map(({ reason }) => reason)).toContain(
      `shop.test:${port}: its robots.txt disallows it`,
    )
  })
  test('a robots.txt that fails closes the host', async () => {
    sites = {
      'shop.test': {
        '/robots.txt': (_request, response) => {
          response.statusCode = 500
          response.end()
        },
        '/openapi.json': openapi(),
      },
    }
    expect((await discover(at('shop.test'))).candidates).toEqual([])
    expect(asked.filter((one) => one.startsWith('shop.test/'))).toEqual(['shop.test/robots.txt'])
  })
  test('a host that answers 429 is left in peace, and its wait is told', async () => {
    sites = {
      'shop.test': {
        '/': (_request, response) => {
          response.writeHead(429, { 'retry-after': '120' }).end()
        },
      },
    }
    const found = await discover(at('shop.test'))
    expect(asked.filter((one) => one.startsWith('shop.test/')).length).toBeLessThanOrEqual(3)
    expect(found.notAsked.some(({ reason }) => /status 429\), and to wait 120 s/.test(reason))).toBe(true)
  })
  test('no more than two requests at a time go to one host', async () => {
    sites = { 'shop.test': new Proxy({}, { get: () => slow }) }
    await discover(at('shop.test'), { maxRequests: 30 })
    expect(mostAtOnce).toBe(2)
  })
  const slow: Answer = (request, response) => {
    setTimeout(() => response.writeHead(request.url === '/robots.txt' ? 404 : 200).end('x'), 5)
  }
  test('a crawl delay is kept to', async () => {
    const times: number[] = []
    sites = {
      'shop.test': new Proxy(
        {},
        {
          get: (_target, path) =>
            path === '/robots.txt'
              ? 'User-agent: *\nCrawl-delay: 0.1'
              : (_request: IncomingMessage, response: ServerResponse) => {
                  times.push(Date.now())
                  response.writeHead(404).end()
                },
        },
      ),
    }
    await discover(at('shop.test'), { maxRequests: 8 })
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(times.length).toBeGreaterThan(3)
    expect(Math.min(...gaps)).toBeGreaterThan(60)
  })
})

describe('malicious sites are bounded', () => {
  const guess = (answer: Answer | string): Sites => ({ 'shop.test': { '/': answer } })

  test('redirects to private addresses are refused, by address and by name', async () => {
    for (const target of ['http://169.254.169.254/latest/', 'http://127.0.0.1:1/', at('inside.test')]) {
      sites = guess((_request, response) => response.writeHead(302, { location: target }).end())
      const found = await discover(at('shop.test'))
      expect(found.notAsked.map(({ reason }) => reason).join('\n')).toMatch(
        /redirects to .*not a public address/,
      )
      expect(found.candidates).toEqual([])
    }
  })
  test('links to private addresses are refused', async () => {
    sites = guess(page('', '<link rel="service-desc" href="http://10.1.2.3/openapi.json">'))
    const { notAsked } = await discover(at('shop.test'))
    expect(notAsked.map(({ reason }) => reason).join('\n')).toMatch(/10\.1\.2\.3.*not a public address/)
  })
  test('redirects in circles end', async () => {
    sites = {
      'shop.test': {
        '/': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
        '/loop': (_request, response) => response.writeHead(302, { location: '/' }).end(),
      },
    }
    expect(outcomeOf(await discover(at('shop.test')), at('shop.test'))).toMatch(/circles/)
  })
  test('a chain of redirects ends', async () => {
    let step = 0
    sites = { 'shop.test': new Proxy({}, { get: (_target, path) => (path === '/robots.txt' ? '' : hop) }) }
    const hop: Answer = (_request, response) => {
      step += 1
      response.writeHead(302, { location: `/${step}` }).end()
    }
    const found = await discover(at('shop.test'), { maxRequests: 40 })
    expect(outcomeOf(found, at('shop.test'))).toMatch(/more than 5 redirects/)
    expect(found.requests).toBeLessThanOrEqual(46)
  })
  test('a site of endless pages, each linking to more, is left after a few', async () => {
    const more: Answer = (request, response) => {
      if (request.url === '/robots.txt') return void response.writeHead(404).end()
      const links = Array.from(
        { length: 200 },
        (_, index) => `<a href="${request.url}docs/${index}/">API docs</a>`,
      )
      response.end(page(links.join('')))
    }
    sites = { 'shop.test': new Proxy({}, { get: () => more }) }
    const found = await discover(at('shop.test'))
    expect(found.requests).toBeLessThanOrEqual(126)
    expect(found.notAsked.map(({ reason }) => reason).join()).toMatch(/limit of 12 pages/)
  })
  test('a body without end is cut off at its bound, and counts', async () => {
    let sent = 0
    sites = guess((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'a')
      const send = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        response.once('drain', send)
      }
      send()
    })
    const found = await discover(at('shop.test'))
    expect(outcomeOf(found, at('shop.test'))).toMatch(/larger than the limit of 2097152 bytes/)
    expect(sent).toBeLessThan(16 * 1024 * 1024)
    expect(found.bytes).toBeGreaterThanOrEqual(2 * 1024 * 1024)
  })
  test('bytes are bounded altogether', async () => {
    const big: Answer = (request, response) =>
      request.url === '/robots.txt' ? response.writeHead(404).end() : response.end('x'.repeat(500_000))
    sites = { 'shop.test': new Proxy({}, { get: () => big }) }
    const found = await discover(at('shop.test'), { maxBytes: 3_000_000 })
    expect(found.bytes).toBeLessThan(4_500_000)
    expect(found.notAsked.map(({ reason }) => reason).join()).toMatch(/limit of 3000000 bytes/)
  })
  test('a slow drip is given up, and its host after two', async () => {
    const drip: Answer = (request, response) => {
      if (request.url === '/robots.txt') return void response.writeHead(404).end()
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    }
    sites = { 'shop.test': new Proxy({}, { get: () => drip }) }
    const found = await discover(at('shop.test'), { requestMs: 150 })
    expect(found.notAsked.map(({ reason }) => reason).join()).toMatch(/too slow/)
    expect(
      found.tried.filter(({ outcome }) => /did not answer within/.test(outcome)).length,
    ).toBeLessThanOrEqual(3)
  })
  test('time is bounded altogether, and what was left is told', async () => {
    sites = { 'shop.test': new Proxy({}, { get: () => lingering }) }
    const found = await discover(at('shop.test'), { maxMs: 400 })
    expect(found.notAsked.map(({ reason }) => reason).join()).toMatch(/time is over/)
  })
  const lingering: Answer = (_request, response) => {
    setTimeout(() => response.writeHead(404).end(), 60)
  }
  test('an HTML bomb costs little: elements opened without end, then closed', async () => {
    sites = guess(
      `<html>${'<i>'.repeat(300_000)}${'</b>'.repeat(200_000)}<a href="/openapi.json">openapi</a>`,
    )
    const found = await discover(at('shop.test'))
    expect(outcomeOf(found, at('shop.test'))).toMatch(/not read to its end/)
  })
  test('a YAML bomb is refused, with its reason', async () => {
    const lines = ['openapi: 3.1.0', 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
    for (let level = 1; level < 9; level++) {
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(',')}]`,
      )
    }
    sites = { 'shop.test': { '/openapi.yaml': lines.join('\n') } }
    expect(outcomeOf(await discover(at('shop.test')), at('shop.test', '/openapi.yaml'))).toMatch(
      /too many YAML aliases/,
    )
  })
})

test.each([
  '',
  'not a domain',
  'ftp://shop.test',
  'shop',
  'https://user:password@shop.test/',
  'javascript:alert(1)',
])('no address at all: %s', async (target) => {
  await expect(discover(target)).rejects.toMatchObject({ code: 'invalid_input', where: 'target' })
})

test('a discovery that is cancelled ends at once', async () => {
  sites = { 'shop.test': new Proxy({}, { get: () => () => undefined }) }
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 50)
  await expect(
    discoverSpecs(at('shop.test'), { http, userAgent: 'Patchbay', signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'cancelled' })
})
