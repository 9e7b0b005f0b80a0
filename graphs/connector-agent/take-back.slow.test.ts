import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { settled } from '../../tests/setup/agent-runs.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from '../../tests/setup/notes-api.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

// What becomes of the work of a run that a person rejects at its end, asked for through the tools people use.

let api: NotesApi
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  api = await startNotesApi()
  platform = await startTestPlatform()
})
afterAll(async () => {
  await platform.close()
  await api.close()
})
beforeEach(async () => {
  api.place = 'notes'
  api.notes.clear()
  tenant = await platform.organization()
})

const definition = async (): Promise<Body> =>
  (await tenant.ok('export_connector', { connector: 'notes' })).definition
const pathOf = async (slug: string): Promise<string> =>
  (await definition()).actions.find((one: Body) => one.slug === slug).path
const connect = async (): Promise<string> =>
  (await tenant.ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } }))
    .connection.id
const answer = async ({ id, question }: Body, given: object): Promise<Body> =>
  settled(
    tenant,
    (await tenant.ok('answer_agent_run', { run: id, question: question.id, answer: given })).run,
  )
const imported = async () => {
  await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
  await connect()
}

/** A run of the fixer that has mended get_note and asks what is thought of it. */
async function mended(): Promise<Body> {
  const input = { connector: 'notes', actions: ['get_note'], allowWrites: true }
  const run = await settled(tenant, (await tenant.ok('fix_action', input)).run)
  expect(run.question.point).toBe('after_testing')
  const asked = await answer(run, { fix: true })
  expect(asked.question, JSON.stringify(asked.error)).toMatchObject({ point: 'after_fixing' })
  return asked
}

/** A run that builds the connector of an API which moves on before it is tested, mends it, and asks. */
async function built(input: object): Promise<Body> {
  const source = { url: `${api.url}/openapi.json`, slug: 'notes', ...input }
  let run = await settled(tenant, (await tenant.ok('build_connector', { ...source, allowWrites: true })).run)
  run = await answer(run, { proceed: true })
  expect(run.question.point).toBe('after_creation')
  await connect()
  api.place = 'memos'
  run = await answer(run, { test: true })
  expect(run.question.point).toBe('after_testing')
  run = await answer(run, { fix: true })
  expect(run.question, JSON.stringify(run.error ?? run.output)).toMatchObject({ point: 'after_fixing' })
  expect(await pathOf('list_notes')).toBe('/memos')
  return run
}

test('rejected patches are taken back: the connector is what it was, hand-made changes that no version kept included', async () => {
  await imported()
  await tenant.ok('update_action', {
    connector: 'notes',
    action: 'get_note',
    path: '/note/{note_id}',
    description: 'Written by hand.',
  })
  const before = await definition()
  const run = await mended()
  expect(await pathOf('get_note')).toBe('/notes/{note_id}')
  expect(run.question.question).toContain('Rejecting takes the patches back: version 2 is made the current')
  const done = await answer(run, { accept: false })
  expect(done).toMatchObject({
    status: 'completed',
    output: {
      connector: 'notes',
      accepted: false,
      fixed: [],
      passed: [],
      failing: [{ action: 'get_note' }],
      takenBack: ["the patches of 'notes'"],
      notTakenBack: [],
    },
  })
  expect(await definition()).toEqual(before)
  // They can be had again.
  const { current } = await tenant.ok('list_connector_versions', { connector: 'notes' })
  await tenant.ok('restore_connector_version', { connector: 'notes', version: current - 1 })
  expect(await pathOf('get_note')).toBe('/notes/{note_id}')
})

test('accepted patches stay, and nothing is told of as taken back', async () => {
  await imported()
  await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
  const done = await answer(await mended(), { accept: true })
  expect(done.output).toMatchObject({ accepted: true, fixed: ['get_note'], takenBack: [], notTakenBack: [] })
  expect(await pathOf('get_note')).toBe('/notes/{note_id}')
})

test('what others changed while the run waited is not lost by rejecting: the patches stay, and the output says why', async () => {
  await imported()
  await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
  const run = await mended()
  await tenant.ok('update_action', {
    connector: 'notes',
    action: 'list_notes',
    description: 'By a colleague.',
  })
  const now = await definition()
  const done = await answer(run, { accept: false })
  expect(done.output).toMatchObject({ accepted: false, fixed: ['get_note'], takenBack: [] })
  expect(done.output.notTakenBack).toEqual([
    { what: "the patches of 'notes'", why: expect.stringContaining('was changed since') },
  ])
  expect(await definition()).toEqual(now)
})

test('a connector that the run made is deleted when nobody uses it', async () => {
  const run = await built({})
  expect(run.question.question).toContain("Rejecting deletes 'notes', which this run made")
  const { connections } = await tenant.ok('list_connections', { connector: 'notes' })
  await tenant.ok('delete_connection', { connection: connections[0].id })
  const done = await answer(run, { accept: false })
  expect(done.output).toMatchObject({
    connector: null,
    accepted: false,
    fixed: [],
    takenBack: ["the connector 'notes'"],
    notTakenBack: [],
  })
  expect((await tenant.call('get_connector', { connector: 'notes' })).status).toBe(404)
})

test('with an account connected, or a workflow that calls it, it stays without the patches', async () => {
  const run = await built({})
  const { connections } = await tenant.ok('list_connections', { connector: 'notes' })
  const code = 'export default async (ctx) => ctx.connectors.notes.list_notes({})'
  await tenant.ok('create_workflow', { name: 'Reads', slug: 'reads', code })
  await tenant.ok('publish_workflow', { workflow: 'reads' })
  const done = await answer(run, { accept: false })
  expect(done.output).toMatchObject({ connector: 'notes', fixed: [], takenBack: ["the patches of 'notes'"] })
  expect(done.output.notTakenBack).toEqual([
    { what: "the connector 'notes'", why: expect.stringContaining('Workflows call it: reads.') },
  ])
  expect(await pathOf('list_notes')).toBe('/notes')
  const kept = await tenant.call('delete_connector', { connector: 'notes' })
  expect(kept).toMatchObject({ status: 409, body: { data: { connections: 1 } } })
  expect(connections).toHaveLength(1)
})

test('a connector that was there and was made anew is what it was before the run', async () => {
  await tenant.ok('import_spec', {
    url: `${api.url}/openapi.json`,
    slug: 'notes',
    include: { methods: ['get'] },
  })
  await tenant.ok('update_action', { connector: 'notes', action: 'list_notes', description: 'By hand.' })
  const before = await definition()
  const run = await built({ replace: true })
  expect((await definition()).actions).toHaveLength(5)
  expect(run.question.question).toContain('Rejecting takes back all this run did to it: version 2')
  const done = await answer(run, { accept: false })
  expect(done.output).toMatchObject({ takenBack: ["what was done to 'notes'"], notTakenBack: [] })
  expect(await definition()).toEqual(before)
})

test('taking back is done with the permissions of whoever started the run: a key that may not delete does not', async () => {
  const { key } = await tenant.ok('create_api_key', {
    name: 'no deleting',
    role: 'developer',
    permissions: [
      'connectors.create',
      'connectors.read',
      'connectors.update',
      'connections.read',
      'connections.create',
      'connections.execute',
      'agents.read',
      'agents.execute',
    ],
  })
  tenant = { ...tenant, ...as(tenant, key) }
  const run = await built({})
  const done = await answer(run, { accept: false })
  expect(done.output.notTakenBack).toEqual([
    { what: "the connector 'notes'", why: expect.stringContaining('connectors.delete') },
  ])
  expect(done.output.takenBack).toEqual(["the patches of 'notes'"])
})

/** A tenant whose calls are made with another key. */
const as = (one: Tenant, key: string): Pick<Tenant, 'call' | 'ok'> => ({
  call: (tool, input) => one.call(tool, input, key),
  ok: (tool, input) => one.ok(tool, input, key),
})
