import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PlayedModel, startPlayedModel } from '../evals/models/played-model.ts'
import { killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
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
