import { afterAll, expect, test } from 'vitest'
import { killAtEveryNode } from './setup/kill-at-every-node.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from './setup/notes-api.ts'

/** One for each run: what others make and delete in an account is in the way of a test of it. */
const apis: NotesApi[] = []
afterAll(() => Promise.all(apis.map((api) => api.close())))

test('a run of the action fixer whose server is killed at moments of its nodes ends as one undisturbed', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode(
    {
      agent: 'action_fixer',
      input: { connector: 'notes', actions: ['get_note'], allowWrites: true },
      approval: 'auto',
      prepare: async ({ ok }) => {
        const api = await startNotesApi()
        apis.push(api)
        await ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
        await ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } })
        await ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
      },
      effects: async ({ ok }) => {
        const { definition } = await ok('export_connector', { connector: 'notes' })
        return definition.actions.map(({ slug, path }: { slug: string; path: string }) => `${slug} ${path}`)
      },
    },
    3,
  )
  expect(undisturbed).toMatchObject({ status: 'completed', output: { fixed: ['get_note'], failing: [] } })
  expect(killed.length).toBeGreaterThan(3)
  for (const run of killed) {
    expect(run).toMatchObject({
      status: 'completed',
      output: undisturbed.output,
      effects: undisturbed.effects,
    })
  }
}, 900_000)
