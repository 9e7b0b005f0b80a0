import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentServer, killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { describeNotes } from './setup/notes-api.ts'
import { goodAnswer, REQUEST, startPlayground } from './setup/played-build.ts'
import { toldByRun } from './setup/told-by-run.ts'

/** Kills at each n-th moment; 1 with KILL_EVERY=1. */
const KILL_EVERY = Number(process.env.KILL_EVERY ?? 3)

let world: Awaited<ReturnType<typeof startPlayground>>
beforeAll(async () => {
  world = await startPlayground()
})
afterAll(() => world.close())

const SLUG = 'invoice-paid-orders'
const withLedger = async ({ ok }: AgentServer) => {
  await ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' })
}

interface Case {
  agent: 'planner' | 'workflow_builder' | 'test_case_agent' | 'event_builder'
  input: () => object
  prepare: (server: AgentServer) => Promise<void>
  output: object
  questions: string[]
}

const cases: Case[] = [
  {
    agent: 'planner',
    input: () => ({ request: REQUEST }),
    prepare: withLedger,
    output: { approved: true, plan: goodAnswer('plan') },
    questions: ['questions', 'after_planning'],
  },
  {
    agent: 'workflow_builder',
    input: () => ({ plan: goodAnswer('plan') }),
    prepare: withLedger,
    output: { approved: true, code: goodAnswer('code').code },
    questions: ['after_building'],
  },
  {
    agent: 'test_case_agent',
    input: () => ({ workflow: SLUG, plan: goodAnswer('plan') }),
    prepare: async (server) => {
      await withLedger(server)
      await server.ok('create_workflow', { name: 'Invoices', slug: SLUG, code: goodAnswer('mend').code })
      await server.ok('publish_workflow', { workflow: SLUG })
    },
    output: { stoppedAt: 'after_cases', version: 1 },
    questions: ['after_cases'],
  },
  {
    agent: 'event_builder',
    input: () => ({ connector: 'notes' }),
    prepare: async ({ ok }) => {
      const spec = JSON.stringify(describeNotes({ url: 'https://notes.example.com', place: 'notes' }))
      await ok('import_spec', { spec, slug: 'notes' })
    },
    output: { connector: 'notes', events: 0, actions: 5 },
    questions: [],
  },
]

test.each(cases)(
  'a run of the $agent alone, with the server killed at its own nodes, ends as one undisturbed and asks once',
  async ({ agent, input, prepare, output, questions }) => {
    const [undisturbed, ...killed] = await killAtEveryNode(
      {
        agent,
        input: input(),
        answers: {
          questions: {},
          after_planning: { decision: 'approve' },
          after_building: { decision: 'approve' },
          after_cases: { decision: 'stop' },
        },
        node: KILLED_NODES[agent],
        environment: { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' },
        prepare,
        effects: toldByRun,
      },
      KILL_EVERY,
    )
    expect(undisturbed).toMatchObject({ status: 'completed', output, effects: { questions } })
    expect(killed.length).toBeGreaterThan(0)
    for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
  },
  900_000,
)
