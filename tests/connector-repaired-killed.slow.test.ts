import { afterAll, expect, test } from 'vitest'
import { endOfConnector } from './setup/end-of-connector.ts'
import { type AgentServer, killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { type NotesApi, startNotesApi } from './setup/notes-api.ts'

/** One for each run: it moves on once it was imported. */
const apis: NotesApi[] = []
afterAll(() => Promise.all(apis.map((api) => api.close())))

const imported =
  (movesOn: boolean) =>
  async ({ ok }: AgentServer) => {
    const api = await startNotesApi()
    apis.push(api)
    await ok('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    if (movesOn) api.place = 'memos'
  }

test('changes of an API that a run takes over, with the server killed at each moment of it, are one version more', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode({
    agent: 'connector_repairer',
    input: { connector: 'notes' },
    answers: { after_discovery: { proceed: true } },
    node: KILLED_NODES.connector_repairer,
    prepare: imported(true),
    effects: endOfConnector('notes'),
  })
  expect(undisturbed).toMatchObject({
    status: 'completed',
    output: { connector: 'notes', actions: 5 },
    effects: {
      versions: ['2 import', '1 import'],
      told: {
        questions: ['after_discovery'],
        artifacts: ['diff: Drift of notes'],
      },
    },
  })
  expect(JSON.stringify(undisturbed.effects)).toContain('/memos/{note_id}')
  expect(killed.map(({ at }) => at)).toEqual(
    ['entered', 'entered', 'called', 'left'].map((moment) => `${moment} take_over`),
  )
  for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
}, 1_800_000)

test('of an API that is as it was, a run says so once, whenever its server is killed', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode({
    agent: 'connector_repairer',
    input: { connector: 'notes' },
    node: KILLED_NODES.connector_repairer,
    prepare: imported(false),
    effects: endOfConnector('notes'),
  })
  expect(undisturbed.effects).toMatchObject({
    versions: ['1 import'],
    told: { messages: ["'notes' is as its API's description has it."] },
  })
  expect(killed.map(({ at }) => at)).toEqual(['entered take_over', 'left take_over'])
  for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
}, 1_800_000)
