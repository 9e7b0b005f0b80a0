import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { clean, cliPath } from '../server/cli/testing.ts'
import { chatWith } from './setup/agent-runs.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from './setup/notes-api.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

let platform: TestPlatform
let api: NotesApi
beforeAll(async () => {
  api = await startNotesApi()
  platform = await startTestPlatform()
})
afterAll(async () => {
  await platform.close()
  await api.close()
})

const FIX = ['--agent', 'action_fixer', '--input', '{"connector":"notes","allowWrites":true}']

/** Has a connector with one action that is to be fixed. */
async function withBrokenAction(): Promise<Tenant> {
  const tenant = await platform.organization()
  await tenant.ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
  await tenant.ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } })
  await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
  return tenant
}

test('patchbay chat shows a person what was tried, the evidence of what failed, and the patches', async () => {
  const tenant = await withBrokenAction()
  const { code, printed } = await chatWith(platform, tenant, FIX, ['y\n', '\n'])
  expect(code, printed).toBe(0)
  expect(printed).toContain('Made: Test of notes')
  // What was sent, and what came back.
  expect(printed).toMatch(/^ *\d\. get_note$/m)
  expect(printed).toMatch(/^ *request: GET http:\/\/\S+\/note\/\S+$/m)
  expect(printed).toMatch(/^ *response: 404$/m)
  expect(printed).toContain('no such address')
  // What would be changed, then what to answer.
  expect(printed).toMatch(/replace \/path by "\/notes\/\{note_id\}"[\s\S]*accept: Keep them\?/)
  expect(printed).toMatch(/Done\.\n[\s\S]*^ *fixed: .*get_note/m)
  expect(printed).not.toMatch(/"(verdict|problems|patches|patch|accepted)":/)
  expect(printed).not.toContain(NOTES_TOKEN)
})

test('patchbay chat leaves when its run has ended, though what it reads answers from stays open', async () => {
  const tenant = await withBrokenAction()
  const child = spawn(process.execPath, [cliPath, 'chat', ...FIX], {
    env: {
      ...clean(process.env),
      PATCHBAY_URL: platform.url,
      PATCHBAY_API_KEY: tenant.ownerKey,
      PATCHBAY_DATA_DIR: platform.config.dataDir,
    },
  })
  let printed = ''
  let answered = 0
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')))
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8')
    // As a person does: an answer when it is asked for, and the terminal is left open.
    for (; answered < printed.split(' > ').length - 1; answered += 1)
      child.stdin.write(answered === 0 ? 'y\n' : '\n')
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [code] = await once(child, 'exit')
  expect(code, printed).toBe(0)
  expect(answered, printed).toBe(2)
  expect(printed).toContain('Done.')
}, 60_000)
