import { afterAll, expect, test } from 'vitest'
import { startPages } from '../evals/environments/pages.ts'
import { startPlayedModel } from '../evals/models/played-model.ts'
import { type AgentServer, killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from './setup/notes-api.ts'

/** Kills at each n-th moment; 1 with KILL_EVERY=1. */
const KILL_EVERY = Number(process.env.KILL_EVERY ?? 3)

/** One for each run: what others make and delete in an account is in the way of a test of it. */
const apis: NotesApi[] = []
afterAll(() => Promise.all(apis.map((api) => api.close())))

const brokenNotes = async ({ ok }: AgentServer) => {
  const api = await startNotesApi()
  apis.push(api)
  await ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
  await ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } })
  await ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
}
const pathsOf = async ({ ok }: AgentServer): Promise<string[]> => {
  const { definition } = await ok('export_connector', { connector: 'notes' })
  return definition.actions.map(({ slug, path }: { slug: string; path: string }) => `${slug} ${path}`)
}

test('a run of the action fixer whose server is killed at moments of its nodes ends as one undisturbed', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode(
    {
      agent: 'action_fixer',
      input: { connector: 'notes', actions: ['get_note'], allowWrites: true },
      approval: 'auto',
      node: KILLED_NODES.action_fixer,
      prepare: brokenNotes,
      effects: pathsOf,
    },
    KILL_EVERY,
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

test('a rejection whose server is killed while it takes back ends as one undisturbed, with one version more and without the documentation it read', async () => {
  const pages = await startPages()
  for (const name of ['known', 'new'])
    pages.put(`/${name}/guide`, {
      type: 'text/markdown',
      body: `# The ${name} guide\n\nNotes are at /notes.`,
    })
  const explained = { when: { contains: ['explain to a developer'] }, json: { explanations: [] }, times: 0 }
  const model = await startPlayedModel({ turns: [explained] })
  const [known, added] = ['known', 'new'].map((name) => `${pages.origin}/${name}/guide`)
  const [undisturbed, ...killed] = await killAtEveryNode({
    agent: 'action_fixer',
    input: { connector: 'notes', actions: ['get_note'], allowWrites: true, docs: [known, added] },
    answers: { after_testing: { fix: true }, after_fixing: { accept: false } },
    node: 'take_back',
    environment: { PATCHBAY_MODEL_BASE_URL: model.url, PATCHBAY_MODEL: 'played' },
    prepare: async (server) => {
      await brokenNotes(server)
      await server.ok('index_api_docs', { url: known, connector: 'notes' })
    },
    effects: async (server) => {
      const { current, versions } = await server.ok('list_connector_versions', { connector: 'notes' })
      const origins = versions.map(({ version, origin }: Record<string, unknown>) => `${version} ${origin}`)
      const { sources } = await server.ok('list_api_docs', {})
      const docs = sources.map(({ title }: Record<string, unknown>) => title)
      return { paths: await pathsOf(server), current, origins, docs }
    },
  })
  expect(undisturbed.output).toMatchObject({
    accepted: false,
    takenBack: ["the indexed documentation 'The new guide'", "the patches of 'notes'"],
    notTakenBack: [{ what: "the indexed documentation 'The known guide'" }],
  })
  expect(undisturbed.effects).toMatchObject({
    paths: expect.arrayContaining(['get_note /note/{note_id}']),
    origins: ['4 restore', '3 edit', '2 edit', '1 import'],
    docs: ['The known guide'],
  })
  const moments = ['entered', 'called', 'called', 'left'].map((moment) => `${moment} take_back`)
  expect(killed.map(({ at }) => at)).toEqual(moments)
  const plain = (run: object) => JSON.parse(JSON.stringify(run).replaceAll(/trc_[0-9a-f]{28}/g, 'trc'))
  for (const { at, ...run } of killed)
    expect(plain(run), at).toEqual(plain({ ...undisturbed, at: undefined }))
  await model.close()
  await pages.close()
}, 900_000)
