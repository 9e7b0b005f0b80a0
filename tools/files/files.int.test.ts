import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteExpiredFiles, deleteFile } from '../../db/files.ts'
import { buildFiles } from '../../runtime/files/files.ts'
import { describeOnEachDatabase } from '../../tests/setup/database.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

/** A third party with a list in pages, a picture, a place for uploads, and a page that fails. */
let third: Server
let baseUrl = ''
let uploaded: { type: string; body: Buffer } | undefined
let failsFrom = Number.POSITIVE_INFINITY
let flaky = 0
const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255])
const LENGTH = 7

beforeAll(async () => {
  third = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '', 'http://x')
    if (url.pathname === '/picture') {
      const headers = {
        'content-type': 'image/png',
        'content-disposition': 'attachment; filename="../../p.png"',
      }
      response.writeHead(200, headers).end(PICTURE)
    } else if (url.pathname === '/flaky') {
      flaky += 1
      response
        .writeHead(flaky % 3 === 0 ? 200 : 503, { 'content-type': 'application/json' })
        .end('{"id":"x"}')
    } else if (url.pathname === '/upload') {
      uploaded = { type: request.headers['content-type'] ?? '', body: Buffer.concat(chunks) }
      response.writeHead(204).end()
    } else {
      const page = Number(url.searchParams.get('page') ?? 1)
      const ids = Array.from({ length: LENGTH }, (_unused, n) => ({ id: n })).slice((page - 1) * 2, page * 2)
      const json = { 'content-type': 'application/json' }
      if (page >= failsFrom) response.writeHead(500, json).end('{"message":"out of order"}')
      else response.writeHead(200, json).end(JSON.stringify({ items: ids }))
    }
  })
  await new Promise<void>((done) => third.listen(0, '127.0.0.1', done))
  baseUrl = `http://127.0.0.1:${(third.address() as AddressInfo).port}`
})
afterAll(() => third.close())

describeOnEachDatabase('files and lists', (kind) => {
  let server: TestPlatform
  let tenant: Tenant
  let customer: string
  let otherCustomer: string
  beforeAll(async () => {
    server = await startTestPlatform(kind)
    tenant = await server.organization()
    customer = (await tenant.ok('create_customer', { name: 'Acme' })).customer.id
    otherCustomer = (await tenant.ok('create_customer', { name: 'Other' })).customer.id
    await tenant.ok('create_connector', {
      name: 'Third',
      slug: 'third',
      baseUrl,
      authMethods: [{ slug: 'none', type: 'no_auth', name: 'None' }],
    })
    await tenant.ok('create_action', {
      connector: 'third',
      slug: 'list_items',
      name: 'List',
      description: 'Lists.',
      path: '/items',
      parameters: [
        { name: 'page', in: 'query', inputKey: 'page', required: false, style: 'form', explode: true },
      ],
      inputSchema: { type: 'object', properties: { page: { type: 'integer' } } },
      pagination: { type: 'page', parameter: 'page', items: 'items' },
    })
    await tenant.ok('create_action', {
      connector: 'third',
      slug: 'get_picture',
      name: 'Picture',
      description: 'A picture.',
      path: '/picture',
    })
    await tenant.ok('create_action', {
      connector: 'third',
      slug: 'upload',
      name: 'Upload',
      description: 'Takes a file.',
      path: '/upload',
      method: 'POST',
      body: { contentType: 'multipart/form-data', mode: 'merge', required: true },
      inputSchema: { type: 'object', properties: { doc: {} } },
    })
  })
  afterAll(() => server.close())

  const download = (file: string, key = tenant.ownerKey) =>
    fetch(`${server.url}/api/v1/files/${file}/content`, { headers: { authorization: `Bearer ${key}` } })
  const run = (action: string, more: object = {}) =>
    tenant.ok('run_action', { connector: 'third', action, ...more })
  const workflow = async (slug: string, body: string, forCustomer: string | null = null) => {
    await tenant.ok('create_workflow', {
      name: slug,
      slug,
      tier: 'instant',
      code: `export default async (ctx) => {\n${body}\n}`,
    })
    await tenant.ok('publish_workflow', { workflow: slug })
    await tenant.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
    const { execution } = await tenant.ok('run_workflow', {
      workflow: slug,
      ...(forCustomer === null ? {} : { customer: forCustomer }),
    })
    return execution
  }

  describe('files', () => {
    test('what was uploaded comes back whole, in parts that end between characters, and by download', async () => {
      const content = 'aé€😀'.repeat(1_000)
      const { file } = await tenant.ok('upload_file', { name: 'dir/notes.txt', content })
      expect(file).toMatchObject({
        name: 'notes.txt',
        contentType: 'text/plain; charset=utf-8',
        customerId: null,
      })
      let got = ''
      for (let offset: number | null = 0; offset !== null; ) {
        const part = await tenant.ok('get_file', { file: file.file, offset, length: 333 })
        expect(part.encoding).toBe('text')
        got += part.content
        offset = part.nextOffset
      }
      expect(got).toBe(content)
      const response = await download(file.file)
      expect(await response.text()).toBe(content)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-disposition': 'attachment; filename=notes.txt',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'content-length': String(Buffer.byteLength(content)),
      })
    })

    test('a file over several chunks is stored and read in order, at any offset', async () => {
      const bytes = Buffer.from(Array.from({ length: 1_500_001 }, (_unused, n) => (n * 31 + (n >> 8)) & 255))
      const { file } = await tenant.ok('upload_file', { name: 'big.bin', base64: bytes.toString('base64') })
      expect(Buffer.from(await (await download(file.file)).arrayBuffer()).equals(bytes)).toBe(true)
      for (const [offset, length] of [
        [262_140, 10],
        [524_288, 1],
        [1_500_000, 100],
        [1_499_990, 262_144],
        [2_000_000, 5],
      ] as const) {
        const part = await tenant.ok('get_file', { file: file.file, offset, length })
        expect(Buffer.from(part.content, 'base64').equals(bytes.subarray(offset, offset + length))).toBe(true)
      }
    })

    test('neither both contents nor none nor text that is no base64 is taken', async () => {
      for (const input of [{}, { content: 'a', base64: 'YQ==' }, { base64: '***' }])
        expect(await tenant.call('upload_file', { name: 'x', ...input })).toMatchObject({
          status: 400,
          body: { code: 'invalid_input' },
        })
    })

    test('a customer’s key sees its own files only, and another organization none', async () => {
      const { file } = await tenant.ok('upload_file', { name: 'mine', content: 'x', customer })
      const { file: theirs } = await tenant.ok('upload_file', {
        name: 'theirs',
        content: 'x',
        customer: otherCustomer,
      })
      const { file: shared } = await tenant.ok('upload_file', { name: 'shared', content: 'x' })
      const key = await tenant.key({ role: 'end_user', customerIds: [customer] })
      const { files } = await tenant.ok('list_files', {}, key)
      expect(files.map((one: { name: string }) => one.name)).toEqual(['mine'])
      expect((await download(file.file, key)).status).toBe(200)
      for (const hidden of [theirs, shared]) {
        expect((await download(hidden.file, key)).status).toBe(404)
        expect((await tenant.call('get_file', { file: hidden.file }, key)).status).toBe(404)
        expect((await tenant.call('delete_file', { file: hidden.file }, key)).status).toBe(404)
        const sent = await tenant.call(
          'run_action',
          { connector: 'third', action: 'upload', input: { doc: { file: hidden.file } } },
          key,
        )
        expect(sent).toMatchObject({ status: 404, body: { code: 'not_found' } })
      }
      const stranger = await server.organization()
      expect((await download(file.file, stranger.ownerKey)).status).toBe(404)
      expect((await fetch(`${server.url}/api/v1/files/${file.file}/content`)).status).toBe(401)
    })

    test('an organization’s files have a bound altogether, and what is deleted makes room', async () => {
      const { organizationId } = await server.organization()
      const scope = { organizationId, customerIds: null }
      const file = { name: 'x', contentType: 'text/plain', customerId: null }
      const small = () => buildFiles(server.platform.db, 10)
      const { file: first } = await small().save(scope, file, Buffer.from('12345678'))
      const files = small()
      await expect(files.save(scope, file, Buffer.from('9ab'))).rejects.toMatchObject({
        code: 'limit_exceeded',
      })
      await expect(files.save(scope, file, Buffer.from('9'))).rejects.toMatchObject({
        code: 'limit_exceeded',
      })
      await server.platform.db.tenant(scope, (tx) => deleteFile(tx, first))
      await small().save(scope, file, Buffer.from('9ab'))
    })

    test('deleted and expired files are gone, and the clean-up takes them with their chunks', async () => {
      const { file } = await tenant.ok('upload_file', { name: 'x', content: 'x' })
      await tenant.ok('delete_file', { file: file.file })
      expect((await download(file.file)).status).toBe(404)
      const { file: short } = await tenant.ok('upload_file', { name: 'x', content: 'x', keepDays: 0.000001 })
      expect((await tenant.call('get_file', { file: short.file })).status).toBe(404)
      expect(await deleteExpiredFiles(server.platform.db)).toBeGreaterThan(0)
      const left = await server.platform.db.read(
        { organizationId: tenant.organizationId, customerIds: null },
        (tx) => tx.rows('SELECT 1 FROM file_chunks WHERE file_id = ANY($1)', [[file.file, short.file]]),
      )
      expect(left).toEqual([])
    })

    test('bytes an app answers become a file with a safe name, which can be sent on', async () => {
      const { output, traceId } = await run('get_picture', { customer })
      expect(output).toMatchObject({ name: 'p.png', contentType: 'image/png', bytes: PICTURE.byteLength })
      const { file } = await tenant.ok('get_file', { file: output.file, length: 0 })
      expect(file.customerId).toBe(customer)
      const { trace } = await tenant.ok('get_trace', { trace: traceId })
      expect(trace.response).toMatchObject({ body: '(8 bytes of image/png)', file: output.file })
      await run('upload', { customer, input: { doc: output } })
      expect(uploaded?.type).toMatch(/^multipart\/form-data/)
      expect(uploaded?.body.includes(PICTURE)).toBe(true)
      expect(uploaded?.body.toString('latin1')).toContain('filename="p.png"\r\nContent-Type: image/png')
    })

    test('a workflow saves, reads and describes files, and sends what an app answered', async () => {
      const execution = await workflow(
        'filing',
        `const saved = await ctx.files.save({ name: 'r.csv', content: 'a,b', contentType: 'text/csv' })
         const picture = await ctx.connectors.third.get_picture()
         await ctx.connectors.third.upload({ doc: picture })
         return {
           saved,
           text: await ctx.files.read(saved),
           part: await ctx.files.read(saved.file, { offset: 2, length: 1 }),
           picture: await ctx.files.read(picture, { as: 'base64' }),
           info: await ctx.files.info(saved),
         }`,
        customer,
      )
      expect(execution.output).toMatchObject({
        saved: { name: 'r.csv', contentType: 'text/csv', bytes: 3 },
        text: 'a,b',
        part: 'b',
        picture: PICTURE.toString('base64'),
        info: { bytes: 3, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      })
      const { files } = await tenant.ok('list_files', { execution: execution.id })
      expect(files.map((one: { name: string }) => one.name).sort()).toEqual(['p.png', 'r.csv'])
      expect(files[0].customerId).toBe(customer)
    })
  })

  test('each attempt of a call is a trace, and what does not fit is told in the outcome and its trace', async () => {
    await tenant.ok('create_action', {
      connector: 'third',
      slug: 'get_flaky',
      name: 'Flaky',
      description: 'Answers every third time.',
      path: '/flaky',
      outputSchema: { type: 'object', properties: { id: { type: 'integer' } } },
    })
    const { output, traceId, warnings } = await run('get_flaky')
    expect({ output, warnings }).toEqual({ output: { id: 'x' }, warnings: ['output.id must be integer'] })
    const { traces } = await tenant.ok('list_traces', { action: 'get_flaky' })
    const attempts = traces.map((trace: { status: string; httpStatus: number }) => [
      trace.status,
      trace.httpStatus,
    ])
    expect(attempts.sort()).toEqual([
      ['error', 503],
      ['error', 503],
      ['success', 200],
    ])
    const { trace } = await tenant.ok('get_trace', { trace: traceId })
    expect(trace).toMatchObject({ request: { attempt: 3 }, response: { status: 200, warnings } })
  })

  describe('lists', () => {
    const ids = (items: { id: number }[]) => items.map(({ id }) => id)

    test('run_action gathers a list over its pages, and goes on from where it stopped', async () => {
      const all = await run('list_items', { collect: {} })
      expect(all).toMatchObject({
        output: null,
        status: 200,
        collected: { complete: true, next: null, stopped: null },
      })
      expect(ids(all.collected.items)).toEqual([0, 1, 2, 3, 4, 5, 6])
      const some = await run('list_items', { collect: { maxItems: 3 } })
      expect(some.collected).toMatchObject({ complete: false, pages: 2, stopped: { reason: 'limit' } })
      const rest = await run('list_items', { collect: { next: some.collected.next } })
      expect(ids([...some.collected.items, ...rest.collected.items])).toEqual([0, 1, 2, 3, 4, 5, 6])
      expect((await run('list_items')).collected).toBeNull()
    })

    test('a page that fails keeps what came before it and says where it stopped', async () => {
      failsFrom = 3
      const some = await run('list_items', { collect: {} })
      expect(ids(some.collected.items)).toEqual([0, 1, 2, 3])
      expect(some.collected).toMatchObject({
        complete: false,
        stopped: {
          reason: 'error',
          message: expect.stringContaining('Page 3 failed'),
          error: { data: { status: 500 } },
        },
      })
      failsFrom = Number.POSITIVE_INFINITY
      const rest = await run('list_items', { collect: { next: some.collected.next } })
      expect(ids(rest.collected.items)).toEqual([4, 5, 6])
    })

    test('a `next` that was not handed out is refused unsent: nobody names an address for the credentials', async () => {
      const { collected } = await run('list_items', { collect: { maxItems: 3 } })
      const place = JSON.stringify({ pages: 1, url: 'https://api.example.com/admin/keys' })
      const forged = Buffer.from(place).toString('base64url')
      const changed = `${collected.next.slice(0, -2)}${collected.next.endsWith('AA') ? 'BB' : 'AA'}`
      for (const next of [forged, changed, `v1.x.${forged}`]) {
        const { status, body } = await tenant.call('run_action', {
          connector: 'third',
          action: 'list_items',
          collect: { next },
        })
        expect([status, body.code, body.where]).toEqual([400, 'invalid_input', 'next'])
      }
      expect(Buffer.from(collected.next, 'base64url').toString()).not.toContain('"pages"')
    })

    test('an action without pagination cannot be gathered, and says what to do', async () => {
      const refused = await tenant.call('run_action', {
        connector: 'third',
        action: 'get_picture',
        collect: {},
      })
      expect(refused).toMatchObject({
        status: 400,
        body: { code: 'invalid_input', where: 'action.pagination' },
      })
    })

    test('a workflow walks items and pages, gathers, and stops when it has enough', async () => {
      const execution = await workflow(
        'walking',
        `const items = [], pages = []
         for await (const item of ctx.connectors.third.list_items.items({})) items.push(item.id)
         for await (const page of ctx.connectors.third.list_items.pages({ page: 3 })) pages.push(page.items.length)
         let first
         for await (const item of ctx.connectors.third.list_items.items()) { first = item; break }
         const { collect } = ctx.connectors.third.list_items
         return { items, pages, first, some: await collect({}, { maxItems: 3 }) }`,
      )
      expect(execution.error).toBeNull()
      expect(execution.output).toMatchObject({
        items: [0, 1, 2, 3, 4, 5, 6],
        pages: [2, 1, 0],
        first: { id: 0 },
        some: { items: [{ id: 0 }, { id: 1 }, { id: 2 }], complete: false, pages: 2 },
      })
      await server.platform.services.connections.settled()
      const { traces } = await tenant.ok('list_traces', { execution: execution.id })
      expect(traces.length).toBe(5 + 3 + 1 + 2)
    })

    test('a page that fails is an error in a workflow, with what the app said', async () => {
      failsFrom = 2
      const execution = await workflow(
        'failing',
        `const got = []
         try { for await (const item of ctx.connectors.third.list_items.items({})) got.push(item.id) }
         catch (error) { return { got, status: error.status, message: error.message } }`,
      )
      failsFrom = Number.POSITIVE_INFINITY
      expect(execution.output).toMatchObject({
        got: [0, 1],
        status: 500,
        message: expect.stringContaining('out of order'),
      })
    })
  })
})
