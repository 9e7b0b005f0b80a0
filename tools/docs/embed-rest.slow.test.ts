import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { findDocVectors } from '../../db/doc-vectors.ts'
import { buildDocsIndex } from '../../runtime/docs-index/docs-index.ts'
import { buildEndpointEmbedder } from '../../runtime/docs-index/embed-endpoint.ts'
import type { ComposeOptions } from '../../server/compose-options.ts'
import { describeOnBothDatabases } from '../../tests/setup/database.ts'
import { eventually, startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

/** What the words of these tests mean, by hand. */
const meaningOf = (text: string) => (/car|automobile|vehicle/i.test(text) ? [1, 0] : [0, 1])
const GUIDE = '# Guide\n\n## Roads\n\nEvery automobile has a plate.\n\n## Rivers\n\nA trout swims upstream.\n'
const sections = (count: number) =>
  `# Long\n\n${Array.from({ length: count }, (_, at) => `## Part ${at}\n\nText of part ${at}.\n`).join('\n')}`
const AUTOMOBILE = expect.stringContaining('automobile')

describeOnBothDatabases('embedding in the background', (kind) => {
  let endpoint: Server
  let baseUrl: string
  let server: TestPlatform
  let tenant: Tenant
  let hasVectors: boolean
  let asked: { model: string; input: string[] }[] = []
  /** How long vectors are, and what the endpoint answers to some texts. */
  let length = 2
  let alternates = false
  let refusal: { texts: RegExp; status: number; body?: string } | undefined

  beforeAll(async () => {
    endpoint = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { model, input } = JSON.parse(body) as { model: string; input: string[] }
      asked.push({ model, input })
      if (alternates) length = 5 - length
      const refused = refusal !== undefined && input.some((text) => refusal?.texts.test(text))
      const vector = (text: string) => [...meaningOf(text), ...Array(length - 2).fill(0)]
      const data = input.map((text, index) => ({ index, embedding: vector(text) }))
      response
        .writeHead(refused ? (refusal?.status ?? 200) : 200)
        .end(refused ? refusal?.body : JSON.stringify({ data }))
    })
    await new Promise<void>((listening) => endpoint.listen(0, '127.0.0.1', listening))
    baseUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1`
    // Rounds are made here, when they are wanted.
    server = await start({ embedEveryMs: 3_600_000 })
    hasVectors = (await findDocVectors(server.platform.db)) !== undefined
  })
  beforeEach(async () => {
    tenant = await server.organization()
    asked = []
    length = 2
    alternates = false
    refusal = undefined
  })
  afterAll(async () => {
    await server.close()
    endpoint.close()
  })

  const start = (options: ComposeOptions) =>
    startTestPlatform(
      kind,
      { PATCHBAY_EMBEDDING_BASE_URL: baseUrl, PATCHBAY_EMBEDDING_MODEL: 'model-a' },
      options,
    )
  /** The index as a process beside the server has it, with this model; and what its log tells. */
  const beside = async (model: string) => {
    const { db } = server.platform
    const told: { message: string; fields: object }[] = []
    const note = (fields: object, message: string) => void told.push({ message, fields })
    const index = buildDocsIndex({
      vectors: await findDocVectors(db),
      embedder: buildEndpointEmbedder({ baseUrl, model, apiKey: undefined }),
      log: { info: note, warn: note, error: note },
    })
    const { signal } = new AbortController()
    return {
      told,
      close: () => index.close(),
      round: () => index.embedRest(db, signal),
      firstOf: async ({ organizationId }: Tenant, query: string) => {
        const scope = { organizationId, customerIds: null }
        const asked = { query, connectorId: null, sourceIds: null, limit: 1 }
        const { passages, note } = await index.search({ read: (fn) => db.read(scope, fn) }, asked, signal)
        return { content: passages[0]?.content, note }
      },
    }
  }
  const round = () =>
    server.platform.services.docsIndex.embedRest(server.platform.db, new AbortController().signal)
  /** With the rights of whom the tables belong to. */
  const asOwner = (sql: string) =>
    server.platform.db.system(async (tx) => {
      await tx.run('SET LOCAL ROLE NONE')
      return tx.run(sql)
    })
  const inDatabase = ({ organizationId }: Tenant, sql: string) =>
    server.platform.db.tenant({ organizationId, customerIds: null }, (tx) => tx.run(sql))
  const firstOf = async (by: Tenant, query: string) => {
    const { passages, note } = await by.ok('search_api_docs', { query })
    return { content: passages[0]?.content as string | undefined, note: note as string | null }
  }
  const index = (by: Tenant, text: string, title = 'Guide') => by.ok('index_api_docs', { text, title })

  test.each([{ status: 400 }, { status: 500 }, { status: 200, body: '{"data":[]}' }])(
    'texts that the endpoint refuses ($status) are left out, once; the rest of their source is embedded',
    async (how) => {
      if (!hasVectors) return
      refusal = { texts: /part (3|20)\./, ...how }
      const { embedded, notes } = await index(tenant, sections(40))
      expect(embedded).toBe(38)
      expect(notes).toEqual([expect.stringMatching(/^2 passage\(s\) .* refuses them/)])
      asked = []
      expect(await round()).toEqual([])
      expect(asked).toEqual([])
      // In the background, too, and told how many.
      await inDatabase(tenant, 'DELETE FROM doc_embeddings')
      await inDatabase(tenant, 'UPDATE doc_chunks SET embedding_refused_by = NULL')
      await inDatabase(tenant, 'UPDATE doc_sources SET embedded_by = NULL')
      expect(await round()).toMatchObject([{ open: 2, why: expect.stringContaining('refuses them') }])
      expect(await round()).toEqual([])
      // Indexed again they are tried again.
      refusal = undefined
      expect(await index(tenant, sections(40))).toMatchObject({ embedded: 40, notes: [] })
    },
  )

  test('an endpoint that refuses everything is not taken to refuse these passages', async () => {
    if (!hasVectors) return
    refusal = { texts: /./, status: 400 }
    expect(await index(tenant, GUIDE)).toMatchObject({ embedded: 0 })
    expect(asked).toHaveLength(2)
    expect(await round()).toMatchObject([{ open: 2, why: expect.stringContaining('status 400') }])
    refusal = undefined
    await round()
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({ content: AUTOMOBILE })
  })

  test('a source that fails unexpectedly does not keep the others from being embedded, and is told once', async () => {
    if (!hasVectors) return
    const process = await beside('model-a')
    const sound = await Promise.all(Array.from({ length: 4 }, () => server.organization()))
    refusal = { texts: /./, status: 503 }
    for (const one of [tenant, ...sound]) await index(one, GUIDE)
    refusal = undefined
    // Its embeddings cannot be kept.
    await asOwner(
      `CREATE FUNCTION patchbay.spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''XX000''; END'`,
    )
    await asOwner(
      `CREATE TRIGGER spoilt BEFORE INSERT ON patchbay.doc_embeddings FOR EACH ROW
       WHEN (NEW.organization_id = '${tenant.organizationId}') EXECUTE FUNCTION patchbay.spoil()`,
    )
    await process.round()
    for (const one of sound) expect(await firstOf(one, 'vehicle')).toMatchObject({ content: AUTOMOBILE })
    await process.round()
    expect(process.told).toMatchObject([{ message: expect.stringContaining('could not be embedded') }])
    await asOwner('DROP TRIGGER spoilt ON patchbay.doc_embeddings')
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({ content: undefined })
    await process.round()
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({ content: AUTOMOBILE })
    await process.close()
  })

  test('a model that comes to give longer vectors under its name: a search says so, and all is embedded again', async () => {
    if (!hasVectors) return
    await index(tenant, GUIDE)
    length = 3
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({
      content: undefined,
      note: expect.stringContaining('another length'),
    })
    await round()
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({ content: AUTOMOBILE, note: null })
    asked = []
    await round()
    expect(asked).toEqual([])
  })

  test('a server makes such rounds by itself, and looks in them which model is embedded with', async () => {
    if (!hasVectors) return
    const other = await start({ embedEveryMs: 100 })
    try {
      const by = await other.organization()
      refusal = { texts: /./, status: 503 }
      await index(by, GUIDE)
      refusal = undefined
      await eventually(async () => (await firstOf(by, 'vehicle')).content?.includes('automobile'))
      await other.platform.db.system((tx) =>
        tx.run(
          `INSERT INTO doc_embedders (embedder, started_at, seen_at) VALUES ('later', clock_timestamp(), clock_timestamp())`,
        ),
      )
      await eventually(async () => (await index(by, `${GUIDE}\nMore.\n`)).notes[0]?.includes('with later'))
    } finally {
      await other.close()
    }
  })

  test('an endpoint with vectors of two lengths is not asked without end', async () => {
    if (!hasVectors) return
    alternates = true
    const { notes } = await index(tenant, sections(60))
    expect(notes).toEqual([expect.stringContaining('PATCHBAY_EMBEDDING_DIMENSIONS')])
    expect(asked).toHaveLength(3)
    alternates = false
    await round()
    expect((await index(tenant, sections(60))).embedded).toBe(60)
  })

  test('of processes with different models that of the one started last embeds; once it is gone, the other does', async () => {
    if (!hasVectors) return
    // The server said at its start which model it has.
    expect(await asOwner("SELECT FROM patchbay.doc_embedders WHERE embedder LIKE 'model-a@%'")).toBe(1)
    await index(tenant, GUIDE)
    const later = await beside('model-b')
    asked = []
    const roundsOfBoth = async () => {
      for (let at = 0; at < 2; at += 1) {
        await later.round()
        await round()
      }
      return asked.map(({ model, input }) => [model, input.length])
    }
    expect(await roundsOfBoth()).toContainEqual(['model-b', 2])
    asked = []
    expect(await roundsOfBoth()).toEqual([])
    expect(later.told).toEqual([])
    // Found by words in the one, by meaning in the other; each says what is so.
    const note = expect.stringContaining('found by their words alone')
    expect(await firstOf(tenant, 'automobile')).toMatchObject({ content: AUTOMOBILE, note })
    expect(await later.firstOf(tenant, 'vehicle')).toMatchObject({ content: AUTOMOBILE, note: null })
    // What is indexed through the first waits for the other.
    asked = []
    expect((await index(tenant, GUIDE, 'More')).notes).toEqual([expect.stringContaining('model-b')])
    expect(await roundsOfBoth()).toEqual([['model-b', 2]])
    // A process that was stopped is not heard of any more.
    await asOwner(
      "UPDATE patchbay.doc_embedders SET seen_at = seen_at - interval '6 minutes' WHERE embedder LIKE 'model-b%'",
    )
    asked = []
    await round()
    expect(asked.map(({ model, input }) => [model, input.length])).toContainEqual(['model-a', 2])
    expect(await firstOf(tenant, 'vehicle')).toMatchObject({ content: AUTOMOBILE, note: null })
    // It comes back, later than the server: it is embedded with again, and the server's log would say so once.
    await later.round()
    await later.round()
    expect(asked.at(-1)?.model).toBe('model-b')
    await later.close()
  })

  test('a process that finds a later one with another model says so once in its log', async () => {
    if (!hasVectors) return
    const [first, second] = [await beside('model-c'), await beside('model-d')]
    await first.round()
    await second.round()
    for (let at = 0; at < 3; at += 1) await first.round()
    expect(first.told).toMatchObject([
      {
        message: expect.stringContaining('started later'),
        fields: { other: expect.stringContaining('model-d') },
      },
    ])
    expect(second.told).toEqual([])
    for (const one of [first, second]) await one.close()
  })
})
