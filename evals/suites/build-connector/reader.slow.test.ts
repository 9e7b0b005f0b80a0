import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAgent } from '../../client/agent.ts'
import { startPages } from '../../environments/pages.ts'
import { proseOf } from '../../environments/prose.ts'
import { buildServers } from '../../servers.ts'
import { runSession } from '../../session.ts'
import { startReader } from './reader.ts'
import { buildConnectorFromDocs } from './suite.ts'

const servers = buildServers()
let reader: Awaited<ReturnType<typeof startReader>>
let pages: Awaited<ReturnType<typeof startPages>>
beforeAll(async () => {
  ;[reader, pages] = [await startReader(), await startPages()]
})
afterAll(() => Promise.all([servers.close(), reader.close(), pages.close()]))

test('from a manual alone, with a model that reads well, connectors are made that work: forms, fields within fields, pages', async () => {
  const report = await runSession(buildConnectorFromDocs, {
    ...{ servers, policy: 'reader', beside: [], trials: 1, seed: 2, count: 4, maxSeconds: 600 },
    ...{ settings: { specs: 'ledger' }, note: () => {} },
  })
  expect(report.tasks.flatMap(({ problems }) => problems)).toEqual([])
  expect(report.total).toMatchObject({ passed: 4, total: 4 })
}, 600_000)

const field = (name: string) => ({ name, in: 'query', schema: { type: 'string' } })
const manual = (title: string, count: number) =>
  proseOf(
    {
      info: { title },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      paths: Object.fromEntries(
        Array.from({ length: count }, (_, n) => [
          `/${title}${n}`,
          { get: { summary: `List ${title}${n}`, parameters: [field('colour'), field('size')] } },
        ]),
      ),
    },
    `https://${title}.example/v1`,
  )

test('operations that are named are looked for, out of many and beside other manuals; one that is in none is told', async () => {
  const url = (title: string) => `${pages.origin}/${title}/reference`
  for (const [title, count] of [
    ['crates', 60],
    ['boxes', 60],
  ] as const)
    pages.put(`/${title}/reference`, { type: 'text/html; charset=utf-8', body: manual(title, count) })
  const { doors, leave } = await servers.place({ baseUrl: reader.url, model: 'reader', seen: () => [] })
  try {
    await doors.call('index_api_docs', { url: url('boxes') })
    const operations = ['get /crates51', 'get /crates7', 'get /crates33', 'get /barrels']
    const { answer } = await runAgent(doors, 'build_connector', {
      ...{ slug: 'crates', docs: [url('crates')], operations },
    })
    const { actions } = (await doors.call('export_connector', { connector: 'crates' })).definition
    expect(actions.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      '/crates33',
      '/crates51',
      '/crates7',
    ])
    expect(answer).toMatchObject({
      leftOut: [{ action: 'get /barrels', why: expect.stringMatching('does not tell of it') }],
    })
  } finally {
    await leave()
  }
}, 600_000)
