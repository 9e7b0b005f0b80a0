import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeOnBothDatabases } from '../../tests/setup/database.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

/** What the words of these tests mean, by hand: a model of three dimensions. */
const MEANINGS: [RegExp, number[]][] = [
  [/car|automobile|vehicle/i, [1, 0, 0]],
  [/fish|trout/i, [0, 1, 0]],
]
const meaningOf = (text: string) => MEANINGS.find(([words]) => words.test(text))?.[1] ?? [0, 0, 1]

const MARKDOWN =
  '# Guide\n\n## Roads\n\nEvery automobile has a plate.\n\n## Rivers\n\nA trout swims upstream.\n'

describeOnBothDatabases('documentation index with embeddings', (kind) => {
  let server: TestPlatform
  let endpoint: Server
  let tenant: Tenant
  let hasVectors: boolean
  let asked: { texts: string[]; authorization: string | undefined; dimensions: unknown }[] = []
  let failure: { status: number; body: string } | undefined
  const texts = () => asked.flatMap((request) => request.texts)

  beforeAll(async () => {
    endpoint = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { input, dimensions } = JSON.parse(body) as { input: string[]; dimensions: number }
      asked.push({ texts: input, authorization: request.headers.authorization, dimensions })
      const data = input.map((text, index) => ({ index, embedding: [...meaningOf(text), 0, 0, 0, 0, 0] }))
      response
        .writeHead(failure?.status ?? 200, { 'content-type': 'application/json' })
        .end(failure?.body ?? JSON.stringify({ data: data.reverse() }))
    })
    await new Promise<void>((listening) => endpoint.listen(0, '127.0.0.1', listening))
    server = await startTestPlatform(
      kind,
      {
        PATCHBAY_EMBEDDING_BASE_URL: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1/`,
        PATCHBAY_EMBEDDING_MODEL: 'meanings',
        PATCHBAY_EMBEDDING_API_KEY: 'of-the-endpoint',
        PATCHBAY_EMBEDDING_DIMENSIONS: '8',
      },
      // Rounds in the background are made here, when they are wanted.
      { embedEveryMs: 3_600_000 },
    )
    const available = await server.platform.db.system((tx) =>
      tx.row("SELECT FROM pg_available_extensions WHERE name = 'vector'"),
    )
    hasVectors = available !== undefined
  })
  beforeEach(async () => {
    tenant = await server.organization()
    asked = []
    failure = undefined
  })
  afterAll(async () => {
    await server.close()
    endpoint.close()
  })
  /** Two vectors, of which one has this in it. */
  const odd = (number: string) =>
    `{"data":[{"index":0,"embedding":[1,0,0,0,0,0,0,0]},{"index":1,"embedding":[${number},0,0,0,0,0,0,0]}]}`
  const search = (query: string, by = tenant) => by.ok('search_api_docs', { query })

  test('a passage is found by what it means; without pgvector by its words alone, and both say so', async () => {
    const { notes, embedded } = await tenant.ok('index_api_docs', { text: MARKDOWN })
    const listed = await tenant.ok('list_api_docs')
    const { passages, note } = await search('vehicle')
    if (hasVectors) {
      expect([embedded, notes, note, listed.retrieval, listed.note]).toEqual([2, [], null, 'fused', null])
      expect(passages[0].content).toContain('automobile')
      expect(asked[0]).toMatchObject({ authorization: 'Bearer of-the-endpoint', dimensions: 8 })
    } else {
      expect([embedded, passages, listed.retrieval]).toEqual([0, [], 'full_text'])
      for (const said of [notes[0], note, listed.note]) expect(said).toContain('pgvector')
      expect((await search('automobile')).passages[0].content).toContain('plate')
      expect(asked).toEqual([])
    }
  })

  test('indexing again embeds only what is new, and another organization is found nothing of it', async () => {
    if (!hasVectors) return
    await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    asked = []
    await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    expect(texts()).toEqual([])
    await tenant.ok('index_api_docs', { text: MARKDOWN.replace('plate', 'number'), title: 'Guide' })
    expect(texts()).toEqual([expect.stringContaining('automobile has a number')])
    const other = await server.organization()
    expect((await search('vehicle', other)).passages).toEqual([])
  })

  test('while the model is away, words find what is there; what is missing is embedded the next time', async () => {
    if (!hasVectors) return
    failure = { status: 503, body: 'away' }
    const first = await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    expect(first).toMatchObject({ added: 2, embedded: 0 })
    expect(first.notes[0]).toContain('status 503')
    const { passages, note } = await search('automobile')
    expect(passages[0].content).toContain('plate')
    expect(note).toContain('by their words alone this time')
    failure = undefined
    expect(await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })).toMatchObject({
      kept: 2,
      embedded: 2,
    })
    expect((await search('vehicle')).passages[0].content).toContain('automobile')
  })

  test('what has no embedding, as an endpoint was away, gets it in the background, once', async () => {
    if (!hasVectors) return
    failure = { status: 503, body: 'away' }
    await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
    failure = undefined
    const embedRest = async (by: TestPlatform) =>
      by.platform.services.docsIndex.embedRest(by.platform.db, new AbortController().signal)
    // Two at once, as of two processes: nothing is embedded twice.
    asked = []
    await Promise.all([embedRest(server), embedRest(server)])
    expect(texts().filter((text) => text.includes('automobile'))).toHaveLength(1)
    expect((await search('vehicle')).passages[0].content).toContain('automobile')
    asked = []
    expect(await embedRest(server)).toEqual([])
    expect(texts()).toEqual([])
    // Indexed again while the endpoint is away, it is looked after again; not while a process says that it does so.
    failure = { status: 503, body: 'away' }
    await tenant.ok('index_api_docs', { text: MARKDOWN.replace('plate', 'number'), title: 'Guide' })
    failure = undefined
    asked = []
    const claimedUntil = (time: string) =>
      server.platform.db.tenant({ organizationId: tenant.organizationId, customerIds: null }, (tx) =>
        tx.run(`UPDATE doc_sources SET embedding_until = clock_timestamp() + $1::interval`, [time]),
      )
    await claimedUntil('1 minute')
    await embedRest(server)
    expect(texts()).toEqual([])
    // One that was killed says so no more.
    await claimedUntil('-1 second')
    await embedRest(server)
    expect(texts()).toEqual([expect.stringContaining('automobile has a number')])
  })

  test('an answer that is not one vector per text is refused, and says which setting to look at', async () => {
    if (!hasVectors) return
    for (const body of [
      '<html>',
      '{"data":[]}',
      '{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]}',
      ...['1e39', '1e400', 'null', '"1"'].map(odd),
    ]) {
      failure = { status: 200, body }
      const { notes } = await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })
      expect(notes[0]).toContain('something else than one vector per text')
    }
    // One that gives one vector, however many texts it is asked for, is asked for one at a time.
    failure = {
      status: 200,
      body: JSON.stringify({ data: [{ index: 0, embedding: [1, 0, 0, 0, 0, 0, 0, 0] }] }),
    }
    expect(await tenant.ok('index_api_docs', { text: MARKDOWN, title: 'Guide' })).toMatchObject({
      embedded: 2,
    })
  })
})
