import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Pages, startPages } from '../evals/environments/pages.ts'
import { proseOf } from '../evals/environments/prose.ts'
import { startReader } from '../evals/suites/build-connector/reader.ts'
import { endOfConnector } from './setup/end-of-connector.ts'
import { killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { describeNotes } from './setup/notes-api.ts'

/** Kills at each n-th moment; 1 with KILL_EVERY=1. */
const KILL_EVERY = Number(process.env.KILL_EVERY ?? 3)
const BASE_URL = 'https://notes.example.com'

let pages: Pages
beforeAll(async () => {
  pages = await startPages()
})
afterAll(() => pages.close())

const notes = () => describeNotes({ url: BASE_URL, place: 'notes' }) as { paths: Record<string, object> }

/** Notes, and calls that subscribe to two events of theirs. */
function describeWithHooks(): string {
  const document = notes()
  const text = { type: 'string' }
  const object = (required: string[], properties: object) => ({
    'application/json': { schema: { type: 'object', required, properties } },
  })
  const event = { ...text, enum: ['note.made', 'note.gone'] }
  document.paths['/webhooks'] = {
    post: {
      operationId: 'createWebhook',
      requestBody: { required: true, content: object(['url', 'event'], { url: text, event }) },
      responses: { 201: { description: 'A hook.', content: object(['id'], { id: text }) } },
    },
  }
  document.paths['/webhooks/{id}'] = {
    parameters: [{ name: 'id', in: 'path', required: true, schema: text }],
    delete: { operationId: 'deleteWebhook', responses: { 204: { description: 'Gone.' } } },
  }
  return JSON.stringify(document)
}

test('a connector built from a description, with the server killed at its nodes, is made once: one import, its events, each question asked once', async () => {
  pages.put('/openapi.json', { type: 'application/json', body: describeWithHooks() })
  const [undisturbed, ...killed] = await killAtEveryNode(
    {
      agent: 'connector_agent',
      input: { url: `${pages.origin}/openapi.json`, slug: 'notes' },
      answers: {
        after_discovery: { proceed: true },
        after_events: { add: true },
        after_creation: { test: true },
      },
      node: KILLED_NODES.connector_agent,
      effects: endOfConnector('notes'),
    },
    KILL_EVERY,
  )
  expect(undisturbed).toMatchObject({
    status: 'completed',
    output: { connector: 'notes', operationsFound: 7, actions: 7, events: 2, accepted: true },
    effects: {
      connectors: [expect.stringMatching(/^notes /)],
      definition: { events: [{ slug: 'note_made' }, { slug: 'note_gone' }] },
      versions: ['1 import'],
      told: { questions: ['after_discovery', 'after_events', 'after_creation'] },
    },
  })
  expect(killed.length).toBeGreaterThan(4)
  for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
}, 1_800_000)

test('a connector built from a manual by a model, with the server killed at its nodes, is made once, with each action and its documentation once', async () => {
  const body = proseOf(notes(), BASE_URL)
  pages.put('/manual', { type: 'text/html; charset=utf-8', body })
  const reader = await startReader()
  const [undisturbed, ...killed] = await killAtEveryNode(
    {
      agent: 'connector_agent',
      input: { docs: [`${pages.origin}/manual`], slug: 'notes' },
      approval: 'auto',
      node: ['create', 'build_events'],
      environment: {
        PATCHBAY_MODEL_BASE_URL: reader.url,
        PATCHBAY_MODEL: 'reader',
        // Each start of a server would load the model of the embeddings anew.
        PATCHBAY_EMBEDDINGS: 'none',
      },
      effects: endOfConnector('notes'),
    },
    KILL_EVERY,
  )
  expect(undisturbed).toMatchObject({
    status: 'completed',
    output: { connector: 'notes', actions: 5, leftOut: [] },
    effects: { connectors: [expect.stringMatching(/^notes /)], definition: { baseUrl: BASE_URL } },
  })
  expect(killed.length).toBeGreaterThan(3)
  for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
  await reader.close()
}, 1_800_000)
