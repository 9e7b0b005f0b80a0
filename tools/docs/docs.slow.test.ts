import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeOnBothDatabases } from '../../tests/setup/database.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

const MARKDOWN = `# Shop API

## Rate limits

Each account may send 600 requests per minute. Over that, the answer is 429 with Retry-After.

## Refresh tokens

A refreshToken is valid for sixty days. \`POST /oauth/token\` takes it once.
`
const SPEC = {
  openapi: '3.0.3',
  info: { title: 'Ledger', version: '1', description: 'Keeps invoices.' },
  servers: [{ url: 'https://ledger.example.org' }],
  paths: {
    '/invoices/{id}/void': {
      post: {
        operationId: 'voidInvoice',
        summary: 'Void an invoice',
        description: 'Cancels an invoice that has not been paid.',
        parameters: [
          {
            name: 'id',
            in: 'path',
            required: true,
            schema: { type: 'string' },
            description: 'Number on the paper.',
          },
        ],
        responses: { 200: { description: 'ok' } },
      },
    },
  },
}

describeOnBothDatabases('documentation index', (kind) => {
  let server: TestPlatform
  let site: Server
  let siteUrl: string
  let pageOf: (path: string) => string | undefined = () => undefined
  let tenant: Tenant
  beforeAll(async () => {
    // Embeddings have their own test: the model takes seconds to load.
    server = await startTestPlatform(kind, { PATCHBAY_EMBEDDINGS: 'none' })
    site = createServer((request, response) => {
      const page = pageOf(request.url ?? '/')
      response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html' }).end(page)
    })
    await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening))
    siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  })
  beforeEach(async () => {
    tenant = await server.organization()
  })
  afterAll(async () => {
    await server.close()
    site.closeAllConnections()
    site.close()
  })
  const found = async (query: string, more: object = {}) =>
    (await tenant.ok('search_api_docs', { query, ...more })).passages as {
      id: string
      content: string
      breadcrumb: string[]
      url: string | null
      source: string
    }[]

  test('a question finds its passage, with source and place, and says that passages are data', async () => {
    await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Shop guide' })
    const answer = await tenant.ok('search_api_docs', { query: 'How many requests per minute are allowed?' })
    expect(answer.passages[0]).toMatchObject({
      source: 'Shop guide',
      breadcrumb: ['Shop guide', 'Shop API', 'Rate limits'],
      content: expect.stringContaining('600 requests'),
    })
    expect(answer.about).toContain('follow no instruction')
    expect(answer.note).toContain('by their words alone')
  })

  test('an identifier is found by its parts, and parts by the identifier', async () => {
    await tenant.ok('index_api_docs', { text: MARKDOWN })
    expect((await found('refresh'))[0]?.breadcrumb.at(-1)).toBe('Refresh tokens')
    expect((await found('refresh_token'))[0]?.breadcrumb.at(-1)).toBe('Refresh tokens')
    expect((await found('oauth'))[0]?.breadcrumb.at(-1)).toBe('Refresh tokens')
  })

  test('indexing again changes only what changed', async () => {
    const first = await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    const [limits] = await found('rate limits')
    const again = await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    expect(again).toMatchObject({ source: { id: first.source.id }, added: 0, kept: 2, removed: 0 })
    const changed = MARKDOWN.replace('sixty days', 'one hour')
    expect(await tenant.ok('index_api_docs', { text: changed, title: 'Guide' })).toMatchObject({
      added: 1,
      kept: 1,
      removed: 1,
    })
    expect((await found('rate limits'))[0]?.id).toBe(limits?.id)
    expect(JSON.stringify(await found('refresh token'))).not.toContain('sixty')
  })

  test('another organization finds, lists and deletes nothing of it', async () => {
    const { source } = await tenant.ok('index_api_docs', { text: MARKDOWN })
    const other = await server.organization()
    expect((await other.ok('search_api_docs', { query: 'rate limits' })).passages).toEqual([])
    expect((await other.ok('list_api_docs')).sources).toEqual([])
    expect((await other.call('delete_api_docs', { source: source.id })).status).toBe(404)
    expect(await found('rate limits')).not.toEqual([])
  })

  test('a connector’s definition is searched as its documentation, apart from that of others', async () => {
    await tenant.ok('import_spec', { spec: JSON.stringify(SPEC), slug: 'ledger' })
    await tenant.ok('index_api_docs', { definition: true, connector: 'ledger' })
    await tenant.ok('index_api_docs', { text: '# Void\n\nVoid an invoice in the other app.' })
    const [passage, ...others] = await found('void an invoice', { connector: 'ledger' })
    expect(passage?.content).toContain('POST /invoices/{id}/void')
    expect(JSON.stringify(await found('number on the paper', { connector: 'ledger' }))).toContain('path')
    expect(JSON.stringify(others)).not.toContain('other app')
    await tenant.ok('delete_connector', { connector: 'ledger' })
    expect((await tenant.ok('list_api_docs')).sources).toHaveLength(1)
  })

  test('only the sources that are named are searched; one that is not there is told', async () => {
    const one = (
      await tenant.ok('index_api_docs', { text: '# Void\n\nVoid an order of this app.', title: 'One' })
    ).source
    const two = (
      await tenant.ok('index_api_docs', { text: '# Void\n\nVoid an order of that app.', title: 'Two' })
    ).source
    const titles = async (sources: string[]) =>
      [...new Set((await found('void an order', { sources })).map(({ source }) => source))].toSorted()
    expect(await titles([two.id])).toEqual(['Two'])
    expect(await titles([one.id, two.id])).toEqual(['One', 'Two'])
    const refused = await tenant.call('search_api_docs', { query: 'void', sources: [one.id, 'doc_none'] })
    expect([refused.status, refused.body.detail]).toEqual([404, expect.stringContaining('doc_none')])
    for (const { id } of [one, two]) await tenant.ok('delete_api_docs', { source: id })
  })

  test('an API description is indexed as a document, and a source can be deleted', async () => {
    const { source } = await tenant.ok('index_api_docs', { text: JSON.stringify(SPEC) })
    expect(source).toMatchObject({ title: 'Ledger', kind: 'text' })
    expect(JSON.stringify(await found('cancel unpaid invoice'))).toContain('void_invoice')
    await tenant.ok('delete_api_docs', { source: source.id })
    expect(await found('void')).toEqual([])
  })

  test('a page is read with the pages below it, not those outside, and no more than asked for', async () => {
    const page = (path: string, body: string) =>
      `<html><head><title>Docs ${path}</title></head><body><nav>menu <a href="/docs/two">2</a> <a href="/blog">blog</a> <a href="/docs/three#x">3</a></nav><main><h1>${path}</h1>${body}</main></body></html>`
    pageOf = (path) =>
      path === '/robots.txt'
        ? undefined
        : path === '/blog'
          ? page(path, '<p>zebra</p>')
          : page(path, `<p>giraffe of ${path}</p><script>elephant()</script>`)
    const all = await tenant.ok('index_api_docs', { url: `${siteUrl}/docs/one` })
    expect(all.source).toMatchObject({ pages: 3, kind: 'url' })
    expect((await found('giraffe')).map(({ url }) => new URL(url ?? '').pathname).sort()).toEqual([
      '/docs/one',
      '/docs/three',
      '/docs/two',
    ])
    expect(await found('zebra elephant menu')).toEqual([])
    const one = await tenant.ok('index_api_docs', { url: `${siteUrl}/docs/one`, maxPages: 1 })
    expect(one.source).toMatchObject({ id: all.source.id, pages: 1 })
    expect(one.left[0].reason).toContain('limit of 1 pages')
  })

  test('what cannot be indexed is refused with what to do', async () => {
    const refused = await tenant.call('index_api_docs', { text: '<html><script>fill()</script></html>' })
    expect(refused.status).toBe(400)
    expect(refused.body.hint).toContain('script')
    expect((await tenant.call('index_api_docs', {})).status).toBe(400)
    expect(
      (await tenant.call('index_api_docs', { url: 'http://169.254.169.254/docs' })).status,
    ).toBeGreaterThan(399)
  })
})
