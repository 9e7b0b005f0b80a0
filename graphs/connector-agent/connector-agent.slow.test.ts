import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPages } from '../../evals/environments/pages.ts'
import { type PlayedModel, startPlayedModel } from '../../evals/models/played-model.ts'
import type { ScriptInput } from '../../evals/models/script.ts'
import { settled } from '../../tests/setup/agent-runs.ts'
import { describeNotes, NOTES_TOKEN, type NotesApi, startNotesApi } from '../../tests/setup/notes-api.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

const ALL = ['create_note', 'delete_note', 'get_note', 'list_notes', 'update_note']
const WAIT = { waitSeconds: 50 }

const connect = (tenant: Tenant) =>
  tenant.ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } })
const answer = async (tenant: Tenant, { id, question }: Body, given: object): Promise<Body> =>
  (await tenant.ok('answer_agent_run', { run: id, question: question.id, answer: given, ...WAIT })).run
const eventsOf = async (tenant: Tenant, run: string): Promise<Body[]> =>
  (await tenant.ok('list_agent_run_events', { run, limit: 200 })).events

/** A description that is wrong of where a note is read. */
function movedSpec(place: string): string {
  const document = describeNotes(api) as { paths: Record<string, Record<string, object>> }
  const { get = {}, ...others } = document.paths['/notes/{note_id}'] ?? {}
  document.paths['/notes/{note_id}'] = others
  document.paths[place] = { parameters: others.parameters ?? [], get }
  return JSON.stringify(document)
}

let api: NotesApi
beforeAll(async () => {
  api = await startNotesApi()
})
afterAll(() => api.close())
beforeEach(() => {
  api.place = 'notes'
  api.notes.clear()
})

describe('without a model', () => {
  let platform: TestPlatform
  let tenant: Tenant
  beforeAll(async () => {
    platform = await startTestPlatform()
  })
  afterAll(() => platform.close())
  beforeEach(async () => {
    tenant = await platform.organization()
  })

  test('in Manual mode it hands back after discovery, creation, testing and mending, and does what was answered', async () => {
    const { run } = await tenant.ok('build_connector', {
      spec: movedSpec('/notes/{note_id}/full'),
      slug: 'notes',
      allowWrites: true,
      ...WAIT,
    })
    expect(run).toMatchObject({
      status: 'waiting',
      question: { point: 'after_discovery', details: { found: 5 } },
    })
    const created = await answer(tenant, run, { proceed: true })
    expect(created.question.point).toBe('after_creation')
    await connect(tenant)
    const tested = await answer(tenant, created, { test: true })
    expect(tested.question).toMatchObject({
      point: 'after_testing',
      details: {
        failed: expect.arrayContaining([expect.objectContaining({ action: 'get_note', check: 'status' })]),
      },
    })
    const done = await answer(tenant, tested, { fix: false })
    expect(done).toMatchObject({
      status: 'completed',
      output: { connector: 'notes', notTested: 'They were not mended, as answered after testing.' },
    })
    expect(api.notes.size).toBe(0)
  })

  test('without an account it builds, and says what testing needs', async () => {
    const { run } = await tenant.ok('build_connector', {
      url: `${api.url}/openapi.json`,
      operations: ['listNotes', 'getNote'],
      approval: 'auto',
      ...WAIT,
    })
    expect(run).toMatchObject({
      status: 'completed',
      output: { connector: 'notes', actions: 2, tested: null },
    })
    expect(run.output.notTested).toContain('create_connection')
  })

  test('an action that was broken is mended by comparing, proven, and reported with its patches', async () => {
    await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    await connect(tenant)
    await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
    const { run } = await tenant.ok('fix_action', {
      connector: 'notes',
      allowWrites: true,
      approval: 'auto',
      ...WAIT,
    })
    expect(run).toMatchObject({
      status: 'completed',
      output: { passed: ALL, fixed: expect.arrayContaining(['get_note']), failing: [], accepted: true },
    })
    const artifacts = (await eventsOf(tenant, run.id)).filter(({ type }) => type === 'artifact')
    expect(artifacts.map(({ data }) => data.kind)).toEqual(['test_report', 'diff'])
    expect(JSON.stringify(artifacts)).not.toContain(NOTES_TOKEN)
    expect(api.notes.size).toBe(0)
  })

  test('an address of a description is called with credentials only once a person allowed it, in Auto mode too', async () => {
    await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    await connect(tenant)
    const elsewhere = await startPages()
    await tenant.ok('update_connector', { connector: 'notes', baseUrl: elsewhere.origin })
    const mend = {
      connector: 'notes',
      actions: ['list_notes'],
      url: `${api.url}/openapi.json`,
      approval: 'auto',
    }
    const ask = async () => settled(tenant, (await tenant.ok('fix_action', { ...mend, ...WAIT })).run)
    const asked = await ask()
    expect(asked.question).toMatchObject({
      point: 'before_moving',
      default: null,
      details: { to: [api.url], from: [elsewhere.origin] },
    })
    const refused = await settled(tenant, await answer(tenant, asked, { allow: false }))
    expect(refused).toMatchObject({ status: 'completed', output: { fixed: [] } })
    expect((await tenant.ok('get_connector', { connector: 'notes' })).connector.baseUrl).toBe(
      elsewhere.origin,
    )
    const allowed = await settled(tenant, await answer(tenant, await ask(), { allow: true }))
    expect(allowed.output).toMatchObject({ fixed: ['list_notes'] })
    await elsewhere.close()
  })

  test('an API that moved on is noticed, its changes are taken over once approved, and tested', async () => {
    await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    await connect(tenant)
    api.place = 'memos'
    const { run } = await tenant.ok('repair_connector', { connector: 'notes', allowWrites: true, ...WAIT })
    expect(run.question).toMatchObject({ point: 'after_discovery' })
    const done = await answer(tenant, run, { proceed: true })
    expect(done).toMatchObject({ status: 'completed', output: { passed: ALL, failing: [] } })
  })

  test('each sub-agent can be started alone', async () => {
    const start = async (agent: string, input: object): Promise<Body> =>
      (await tenant.ok('start_agent_run', { agent, input, approval: 'auto', ...WAIT })).run
    const spec = { url: `${api.url}/openapi.json` }
    expect((await start('spec_import_builder', spec)).output).toMatchObject({
      connector: 'notes',
      actions: 5,
    })
    expect((await start('connector_builder', { ...spec, slug: 'other' })).output).toMatchObject({
      actions: 5,
    })
    expect((await start('event_builder', { connector: 'notes' })).output).toMatchObject({ events: 0 })
    await connect(tenant)
    const tested = await start('action_tester', { connector: 'notes', allowWrites: true })
    expect(tested.output).toMatchObject({ passed: ALL, tested: { passed: 5, failed: 0, skipped: 0 } })
    const refused = await tenant.call('start_agent_run', {
      agent: 'manual_action_builder',
      input: { docs: [`${api.url}/docs`] },
    })
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  })
})

describe('with a model, played at the wire', () => {
  let platform: TestPlatform
  let model: PlayedModel
  let tenant: Tenant
  const play = async (turns: ScriptInput['turns']) => {
    model = await startPlayedModel({ turns })
    platform = await startTestPlatform('embedded', {
      PATCHBAY_MODEL_BASE_URL: model.url,
      PATCHBAY_MODEL_API_KEY: 'k',
      PATCHBAY_MODEL: 'played',
    })
    tenant = await platform.organization()
  }
  afterEach(async () => {
    await platform.close()
    await model.close()
  })

  test('it chooses operations for a goal; those that are not there are not taken', async () => {
    await play([
      {
        when: {
          contains: ['choose which operations', 'I only read notes', '<data source="API description">'],
        },
        json: { operations: ['listNotes', 'getNote', 'dropDatabase'], reason: 'Reading needs these.' },
      },
    ])
    const { run } = await tenant.ok('build_connector', {
      url: `${api.url}/openapi.json`,
      goal: 'I only read notes',
      approval: 'auto',
      ...WAIT,
    })
    expect(run).toMatchObject({ status: 'completed', output: { operationsFound: 5, actions: 2 } })
    expect(model.left()).toBe(0)
  })

  test('a model that fails ends no test and no mending: what needs none is done, and the run says what failed', async () => {
    await play([{ error: { status: 400 }, times: 0 }])
    await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    await connect(tenant)
    await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
    // Of what made this one wrong, nothing that compares can tell.
    await tenant.ok('create_action', { connector: 'notes', slug: 'lost', name: 'Lost', path: '/lost' })
    const { run } = await tenant.ok('fix_action', {
      ...{ connector: 'notes', actions: ['get_note', 'lost'] },
      ...{ allowWrites: true, approval: 'auto', ...WAIT },
    })
    expect(run, JSON.stringify(run.error)).toMatchObject({
      status: 'completed',
      output: { fixed: ['get_note'], failing: [{ action: 'lost' }] },
    })
    const said = (await eventsOf(tenant, run.id)).filter(({ type }) => type === 'message')
    const text = said.map(({ data }) => data.text).join('\n')
    expect(text).toContain('Explaining failures: the model failed')
    expect(text).toContain('Mending lost: the model failed')
  })

  test('it proposes a patch where comparing finds nothing; the patch is proven before it stays', async () => {
    const told = { reason: 'The documentation has the plural.', confidence: 0.9, citations: ['made-up'] }
    await play([
      { when: { contains: ['explain to a developer'] }, json: { explanations: [] } },
      {
        when: { contains: ['mend an action', 'Mend notes.get_note'] },
        json: { patch: [{ op: 'replace', path: '/path', value: '/notes/{note_id}' }], ...told },
      },
    ])
    const spec = movedSpec('/notes/{note_id}/full')
    await tenant.ok('import_spec', { spec, slug: 'notes' })
    await connect(tenant)
    const { run } = await tenant.ok('fix_action', {
      connector: 'notes',
      actions: ['list_notes', 'create_note', 'get_note'],
      allowWrites: true,
      approval: 'auto',
      ...WAIT,
    })
    expect(run).toMatchObject({
      status: 'completed',
      output: { fixed: expect.arrayContaining(['get_note']) },
    })
    const diff = (await eventsOf(tenant, run.id)).find(({ data }) => data.kind === 'diff')
    const patched = diff?.data.content.find((one: Body) => one.action === 'get_note')
    const [round] = patched.rounds
    expect(round).toMatchObject({ by: 'model', kept: true, citations: [] })
    expect(model.received.map(({ body }) => body).join()).not.toContain(NOTES_TOKEN)
  })
})
