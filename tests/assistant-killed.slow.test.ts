import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type PlayedModel, startPlayedModel } from '../evals/models/played-model.ts'
import { createTestDatabase } from './setup/database.ts'
import { killAtEveryNode, startAgentServer } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { type Body, eventually } from './setup/platform.ts'
import { toldByRun } from './setup/told-by-run.ts'

/** Kills at each n-th moment; 1 with KILL_EVERY=1. */
const KILL_EVERY = Number(process.env.KILL_EVERY ?? 5)
const WORKFLOW = { name: 'Hello', slug: 'hello', code: 'export default async () => ({ hello: true })' }

const use = (name: string, input: object) => ({
  id: name,
  name: 'use_tool',
  arguments: { name, input },
})
/** Turns that answer by what was said last, so every conversation goes the same way, however often it is begun. */
const turn = (last: string, answer: object) => ({ when: { last }, times: 0, ...answer })

let model: PlayedModel
beforeAll(async () => {
  model = await startPlayedModel({
    turns: [
      turn('Make a workflow', { toolCalls: [use('list_workflows', {})] }),
      turn('list_workflows', {
        toolCalls: [
          use('create_workflow', WORKFLOW),
          use('publish_workflow', { workflow: 'hello' }),
          use('run_workflow', { workflow: 'hello', version: 1 }),
        ],
      }),
      turn('The person is asked', { text: 'I propose to make it.' }),
      turn('What became of', { text: 'It is made.' }),
      turn('Thanks', { text: 'You are welcome.' }),
    ],
  })
})
afterAll(() => model.close())

test('a chat whose server is killed at its nodes is the same chat: each answer said once, each change made once', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode(
    {
      agent: 'assistant',
      input: { message: 'Make a workflow that says hello.' },
      answers: {
        before_change: { decision: 'accept' },
        reply: (question) => ({ message: question.includes('It is made') ? 'Thanks' : '' }),
      },
      node: KILLED_NODES.assistant,
      environment: { PATCHBAY_MODEL_BASE_URL: model.url, PATCHBAY_MODEL: 'played' },
      effects: async (server) => {
        const { ok } = server
        const { workflows } = await ok('list_workflows')
        const { versions } = await ok('list_workflow_versions', { workflow: 'hello' })
        const { executions } = await ok('list_executions', { workflow: 'hello' })
        const { entries } = await ok('list_audit_log', { limit: 200 })
        const of = (names: string[]) =>
          entries.flatMap((one: Record<string, string>) => (names.includes(one.action ?? '') ? [one] : []))
        return {
          workflows: workflows.map(({ slug }: Record<string, unknown>) => slug),
          versions: versions.map(({ version }: Record<string, unknown>) => version),
          executions: executions.length,
          changes: of(['create_workflow', 'publish_workflow', 'run_workflow']).map(
            ({ action, outcome }: Record<string, string>) => `${action} ${outcome}`,
          ),
          told: await toldByRun(server),
        }
      },
    },
    KILL_EVERY,
  )
  expect(undisturbed).toMatchObject({
    status: 'completed',
    output: {
      reply: 'You are welcome.',
      done: [
        { tool: 'create_workflow', outcome: 'done' },
        { tool: 'publish_workflow', outcome: 'done' },
        { tool: 'run_workflow', outcome: 'done' },
      ],
    },
    effects: {
      workflows: ['hello'],
      versions: [1],
      executions: 1,
      told: {
        questions: ['before_change', 'before_change', 'before_change', 'reply', 'reply'],
        said: 'I propose to make it.It is made.You are welcome.',
      },
    },
  })
  expect(killed.length).toBeGreaterThan(4)
  for (const run of killed) expect(run, run.at).toEqual({ ...undisturbed, at: run.at })
}, 1_800_000)

test('killed while its model answers, a chat asks again for that answer only, and tells no call twice', async () => {
  const looks = (last: string, name: string) => turn(last, { toolCalls: [use(name, {})] })
  const slow = await startPlayedModel({
    turns: [
      looks('Look around', 'list_workflows'),
      looks('list_workflows', 'list_connectors'),
      { when: { last: 'list_connectors' }, times: 1, delayMs: 600_000, text: 'There is nothing.' },
      turn('list_connectors', { text: 'There is nothing.' }),
    ],
  })
  onTestFinished(() => slow.close())
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const environment = {
    ...{ PATCHBAY_MODEL_BASE_URL: slow.url, PATCHBAY_MODEL: 'played' },
    ...(database.databaseUrl === undefined ? {} : { DATABASE_URL: database.databaseUrl }),
  }
  const first = await startAgentServer(database.dataDir, environment)
  const { run } = await first.ok('start_agent_run', {
    agent: 'assistant',
    input: { message: 'Look around.' },
  })
  await eventually(async () => slow.received.length === 3)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  const second = await startAgentServer(database.dataDir, environment)
  onTestFinished(() => second.stop())
  await eventually(
    async () => (await second.ok('get_agent_run', { run: run.id, waitSeconds: 5 })).run.status === 'waiting',
    120_000,
  )
  expect(slow.received).toHaveLength(4)
  const { events } = await second.ok('list_agent_run_events', { run: run.id, limit: 200 })
  const calls = events.flatMap(({ type, data }: Body) => (type === 'tool_call' ? [data.tool] : []))
  const look = (name: string) => ['describe_tool', name, 'use_tool']
  expect(calls).toEqual([...look('list_workflows'), ...look('list_connectors')])
}, 240_000)
