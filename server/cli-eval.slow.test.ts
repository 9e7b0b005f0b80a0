import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from '../tests/setup/notes-api.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../tests/setup/platform.ts'
import { runCli } from './cli/program.ts'
import { clean } from './cli/testing.ts'

let platform: TestPlatform
let tenant: Tenant
let folder: string
let notes: NotesApi
beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
  notes = await startNotesApi()
  await tenant.ok('import_spec', { url: `${notes.url}/openapi.json`, slug: 'notes' })
  const credentials = { token: NOTES_TOKEN }
  await tenant.ok('create_connection', { connector: 'notes', name: 'sandbox', credentials, verify: false })
  folder = mkdtempSync(join(tmpdir(), 'patchbay-eval-'))
  const code = 'export default async (ctx) => ({ doubled: ctx.input.number * 2 })'
  const inputSchema = { type: 'object', properties: { number: { type: 'number' } } }
  await tenant.ok('create_workflow', { slug: 'double', name: 'Double', code, inputSchema })
  await tenant.ok('publish_workflow', { workflow: 'double' })
  await tenant.ok('deploy_workflow', { workflow: 'double', environment: 'dev', version: 1 })
})
afterAll(async () => {
  await platform.close()
  await notes.close()
  rmSync(folder, { recursive: true, force: true })
})

async function patchbay(...args: string[]) {
  let [stdout, stderr] = ['', '']
  const code = await runCli(['--url', platform.url, '--api-key', tenant.ownerKey, ...args], {
    stdin: Readable.from(['']),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: { ...clean(process.env), PATH: process.env.PATH, PATCHBAY_DATA_DIR: folder },
  })
  return { code, stdout, stderr }
}

const cases = (...values: [number, number][]) => {
  const file = join(folder, 'cases.json')
  const all = values.map(([number, doubled], index) => ({
    id: `TC-0${index + 1}`,
    scenario: `${number} is doubled`,
    input: { number },
    expect: { output: [{ path: 'doubled', op: 'equals', value: doubled }] },
  }))
  writeFileSync(file, JSON.stringify(all))
  return file
}

test('a workflow that does what its cases say passes, each as often as asked', async () => {
  const args = ['--cases', cases([2, 4], [0, 0]), '--trials', '2', '--json', join(folder, 'r.json')]
  const { code, stdout, stderr } = await patchbay('eval', 'workflow', 'double', ...args)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/pass@1 +4\/4 +100\.0 %/)
  expect(code).toBe(0)
  const report = JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8'))
  expect(report.tasks[0].trials[0].trajectory[0].output.output).toEqual({ doubled: 4 })
})

test('one that does not is told with expected and actual, in a page too, and the exit code says so', async () => {
  const html = join(folder, 'r.html')
  const { code, stdout } = await patchbay(
    'eval',
    'workflow',
    'double',
    '--cases',
    cases([2, 4], [3, 7]),
    '--html',
    html,
  )
  expect(stdout).toMatch(/all +1\/2/)
  expect(stdout).toMatch('TC-02 3 is doubled: doubled: expected equals 7, is 6')
  const page = readFileSync(html, 'utf8')
  expect(page).toMatch('expected equals 7, is 6')
  expect(page).not.toMatch('nothing else was touched')
  expect(code).toBe(1)
})

test('a workflow that is not there, and cases that are none, are refused', async () => {
  const triple = { code: 2, stderr: "No workflow 'triple'. list_workflows shows the ones there are.\n" }
  expect(await patchbay('eval', 'workflow', 'triple', '--cases', cases([1, 3]))).toMatchObject(triple)
  expect(await patchbay('eval', 'workflow', 'triple')).toMatchObject(triple)
  const refused = async (...args: string[]) => {
    const { code, stderr } = await patchbay('eval', 'workflow', 'double', ...args)
    expect(code).toBe(2)
    return stderr
  }
  expect(await refused()).toMatch('--cases FILE')
  const file = join(folder, 'none.json')
  expect(await refused('--cases', file)).toMatch(`There is no file ${file}`)
  writeFileSync(file, 'cases')
  expect(await refused('--cases', file)).toMatch(`${file} is not JSON`)
  for (const nothing of [[], { testCases: [] }]) {
    writeFileSync(file, JSON.stringify(nothing))
    expect(await refused('--cases', file)).toMatch(`${file} has no test case in it`)
  }
  const expects = { output: [{ path: 'doubled', op: 'exists' }] }
  writeFileSync(file, JSON.stringify([{ id: 'a', environment: 'nowhere', expect: expects }]))
  expect(await patchbay('eval', 'workflow', 'double', '--cases', file)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/it did not run: .*'nowhere'/),
  })
  expect(await refused('--cases', file, '--trials', 'many')).toMatch("not 'many'")
})

test('an input that is refused is a run that failed, as a case may expect', async () => {
  const file = join(folder, 'refused.json')
  const input = { number: 'two' }
  writeFileSync(file, JSON.stringify([{ id: 'a', input, expect: { status: 'failed' } }]))
  expect(await patchbay('eval', 'workflow', 'double', '--cases', file)).toMatchObject({ code: 0 })
  writeFileSync(file, JSON.stringify([{ id: 'a', input, expect: { output: [{ path: '', op: 'exists' }] } }]))
  expect(await patchbay('eval', 'workflow', 'double', '--cases', file)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/the run is failed, expected completed: .*number/),
  })
})

test('a case whose mocks are refused did not run, and does not pass for one that failed', async () => {
  const file = join(folder, 'mocked.json')
  const answers = [{ status: 99 }]
  const mocks = [{ connector: 'notes', action: 'get_note', scenario: 'odd', answers }]
  writeFileSync(file, JSON.stringify([{ id: 'a', mode: 'mock', mocks, expect: { status: 'failed' } }]))
  expect(await patchbay('eval', 'workflow', 'double', '--cases', file)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/it did not run: its mocks: .*status/),
  })
})

test('cases as the agents write them: new in each trial and the same within it, calls counted, mocks answering', async () => {
  const code = `export default async (ctx) => {
    if (await ctx.state.get(ctx.input.title)) return { skipped: true }
    const { id } = await ctx.connectors.notes.create_note({ title: ctx.input.title, body: 'x' })
    await ctx.state.set(ctx.input.title, id)
    return { id }
  }`
  await tenant.ok('create_workflow', { slug: 'once', name: 'Once', code })
  await tenant.ok('publish_workflow', { workflow: 'once' })
  await tenant.ok('deploy_workflow', { workflow: 'once', environment: 'dev', version: 1 })
  onTestFinished(() => notes.notes.clear())
  const title = 'patchbay-test-{{run}}-1'
  const called = (times: number) => [{ connector: 'notes', action: 'create_note', times }]
  const written = [
    {
      ...{ id: 'TC-01', group: 'happy-path', scenario: 'a note is made', mode: 'live', input: { title } },
      expect: { status: 'completed', output: [{ path: 'id', op: 'exists', value: null }], calls: called(1) },
    },
    {
      ...{ id: 'TC-02', group: 'edge-cases', scenario: 'not made twice', mode: 'live', input: { title } },
      expect: { status: 'completed', output: [], calls: called(0) },
    },
    {
      ...{ id: 'TC-03', group: 'error-handling', scenario: 'the app is down', mode: 'mock' },
      input: { title: `${title}-down` },
      mocks: [
        {
          ...{ connector: 'notes', action: 'create_note', scenario: 'down' },
          answers: [{ when: null, status: 503, headers: {}, output: { title: 'no' } }],
        },
      ],
      expect: { status: 'failed', output: [], calls: called(1) },
    },
  ]
  const evaluated = async (testCases: object[]) => {
    const file = join(folder, 'written.json')
    writeFileSync(file, JSON.stringify({ testCases }))
    return patchbay('eval', 'workflow', 'once', '--cases', file, '--trials', '3')
  }
  const good = await evaluated(written)
  expect(good.stderr).toBe('')
  expect(good.stdout).toMatch(/pass@1 +9\/9 +100\.0 %/)
  expect(good.code).toBe(0)
  // Once in each trial, and the mocked case made none.
  expect(notes.notes.size).toBe(3)

  const [first, second] = written
  const near = await evaluated([
    first,
    { ...second, expect: { ...second?.expect, calls: called(1) } },
  ] as object[])
  expect(near.code).toBe(1)
  expect(near.stdout).toMatch('notes.create_note: expected 1 calls, were 0')
})

const connectorEval = (...args: string[]) =>
  patchbay('eval', 'connector', 'notes', '--connection', 'sandbox', '--json', join(folder, 'c.json'), ...args)
const reported = () => JSON.parse(readFileSync(join(folder, 'c.json'), 'utf8'))

test('a connector is tried on a test account; without leave to write, only what reads is, and the rest is told as skipped', async () => {
  notes.notes.set('note_0', { id: 'note_0', title: 'mine', body: 'stays' })
  const { code, stdout, stderr } = await connectorEval()
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^connector notes, policy run/)
  expect(code).toBe(0)
  const { tasks, leftOut } = reported()
  expect(tasks.map(({ id }: { id: string }) => id).toSorted()).toEqual(['get_note', 'list_notes'])
  const skipped = leftOut.map((one: string) => one.split(':', 1)[0])
  expect(skipped.toSorted()).toEqual(['create_note', 'delete_note', 'update_note'])
  expect(stdout).toMatch(/^left out\n {2}create_note: skipped/m)
  expect([...notes.notes.values()]).toEqual([{ id: 'note_0', title: 'mine', body: 'stays' }])
})

test('with leave to write every action is tried, in each trial, and nothing is left behind', async () => {
  const html = join(folder, 'c.html')
  const { code, stdout } = await connectorEval('--allow-writes', '--trials', '2', '--html', html)
  expect(stdout).toMatch(/pass@1 +10\/10 +100\.0 %/)
  expect(code).toBe(0)
  expect(reported().notes.leftInTheAccount).toEqual([])
  expect([...notes.notes.keys()]).toEqual(['note_0'])
  expect(readFileSync(html, 'utf8')).toMatch('delete_note')
})

test('an action that the app no longer has fails by name, and the exit code says so; so does a connector that is not there', async () => {
  await tenant.ok('update_action', { connector: 'notes', action: 'list_notes', path: '/memos' })
  const { code, stdout } = await connectorEval()
  expect(code).toBe(1)
  expect(stdout).toMatch(/list_notes: .*404/)
  expect(await patchbay('eval', 'connector', 'nowhere')).toMatchObject({
    code: 2,
    stderr: "No connector 'nowhere'. list_connectors shows the ones there are; import_spec makes one.\n",
  })
})
