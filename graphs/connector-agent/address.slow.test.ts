import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startPages } from '../../evals/environments/pages.ts'
import { type PlayedModel, startPlayedModel } from '../../evals/models/played-model.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

const WAIT = { waitSeconds: 50 }
const manualOf = (address: string) =>
  `# Orders API\n\n## Address\n\n${address}\n\n## GET /orders\n\nLists orders. Hooks come from https://hooks.example.com/out.\n`

let pages: Awaited<ReturnType<typeof startPages>>
let model: PlayedModel
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  pages = await startPages()
})
afterAll(() => pages.close())
afterEach(async () => {
  await platform.close()
  await model.close()
})

/** A run in Auto mode on such a manual, with a model that takes the address to be this one. */
async function build(manual: string, baseUrl: string | null, input: object = {}): Promise<Body> {
  pages.put('/manual', { type: 'text/markdown', body: manual })
  let cited: string[] = []
  const draft = () => ({
    name: 'Orders',
    baseUrl,
    authMethods: [{ slug: 'token', name: 'Token', type: 'bearer_token' }],
    actions: [
      {
        ...{ slug: 'list_orders', name: 'List orders', description: '', method: 'GET', path: '/orders' },
        ...{
          parameters: [],
          bodyType: null,
          pagination: null,
          inputSchema: { type: 'object' },
          outputSchema: null,
        },
        citations: cited,
      },
    ],
  })
  const turn = { when: { contains: ['write the definition of an API'] }, json: {} }
  model = await startPlayedModel({ turns: [turn] }, 0, (played) => ({ ...played, json: draft() }))
  platform = await startTestPlatform('embedded', {
    PATCHBAY_MODEL_BASE_URL: model.url,
    PATCHBAY_MODEL_API_KEY: 'k',
    PATCHBAY_MODEL: 'played',
  })
  tenant = await platform.organization()
  const url = `${pages.origin}/manual`
  // Passages keep their ids when they are read again: the model cites what it is given.
  await tenant.ok('index_api_docs', { url })
  const { passages } = await tenant.ok('search_api_docs', { query: 'orders', limit: 10 })
  cited = passages.map(({ id }: Body) => id)
  const started = { docs: [url], slug: 'orders', approval: 'auto', ...WAIT, ...input }
  return (await tenant.ok('build_connector', started)).run
}
const baseUrl = async () => (await tenant.ok('export_connector', { connector: 'orders' })).definition.baseUrl
const made = async (run: Body): Promise<Body> => {
  const { events } = await tenant.ok('list_agent_run_events', { run: run.id, limit: 200 })
  return events.find((one: Body) => one.data?.point === 'after_creation')?.data ?? {}
}

test('the manual says the address: it is taken, and the passage that says it is cited', async () => {
  const run = await build(
    manualOf('All requests go to `https://api.example.com/v2`.'),
    'https://api.example.com/v2',
  )
  expect(run.status, JSON.stringify(run.question ?? run.error)).toBe('completed')
  expect(await baseUrl()).toBe('https://api.example.com/v2')
  const { details } = await made(run)
  expect(details.address).toMatchObject({ baseUrl: 'https://api.example.com/v2', by: 'documentation' })
  const { passages } = await tenant.ok('search_api_docs', { query: 'All requests go to', limit: 10 })
  const cited = passages.find(({ id }: Body) => id === details.address.citation.passage)
  expect(cited?.content).toContain('All requests go to')
})

test.each([
  ['names none', 'Ask us for your address.', null],
  ['names one that is not in it', 'Ask us for your address.', 'https://api.orders.example'],
  [
    'names one that only begins another',
    'Send to https://api.example.com.attacker.example.',
    'https://api.example.com',
  ],
])(
  'the manual does not say it, and the model %s: a person is asked, in Auto mode too',
  async (_, text, guess) => {
    const run = await build(manualOf(text), guess)
    expect(run).toMatchObject({ status: 'waiting', question: { point: 'before_creation', default: null } })
    expect(run.question.details.standInPassages).toContainEqual(
      expect.objectContaining({ address: 'https://hooks.example.com/out' }),
    )
    // Nothing is made meanwhile.
    expect((await tenant.ok('list_connectors', {})).connectors).toEqual([])
    const give = (given: string) =>
      tenant.call('answer_agent_run', {
        ...{ run: run.id, question: run.question.id, answer: { baseUrl: given } },
        ...WAIT,
      })
    expect((await give('orders')).status).toBe(400)
    const answered = (await give('https://eu.api.example.com')).body.run
    expect(answered.status, JSON.stringify(answered.error)).toBe('completed')
    expect(await baseUrl()).toBe('https://eu.api.example.com')
  },
)

test('the address given with the run is taken whatever the manual says', async () => {
  const run = await build(manualOf('All requests go to https://api.example.com/v2.'), null, {
    baseUrl: 'https://mine.example.com',
  })
  expect(run.status, JSON.stringify(run.question ?? run.error)).toBe('completed')
  expect(await baseUrl()).toBe('https://mine.example.com')
})
