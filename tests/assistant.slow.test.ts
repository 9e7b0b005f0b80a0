import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PlayedModel, startPlayedModel } from '../evals/models/played-model.ts'
import type { ScriptInput } from '../evals/models/script.ts'
import { answerRun, settled } from './setup/agent-runs.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

const WORKFLOW = { name: 'Hello', slug: 'hello', code: 'export default async () => ({ hello: true })' }
const use = (name: string, input: object) => ({
  toolCalls: [{ name: 'use_tool', arguments: { name, input } }],
})

let model: PlayedModel
let port: number
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  model = await startPlayedModel({ turns: [] })
  port = Number(new URL(model.url).port)
  platform = await startTestPlatform('embedded', {
    PATCHBAY_MODEL_BASE_URL: model.url,
    PATCHBAY_MODEL: 'played',
  })
}, 120_000)
afterAll(async () => {
  await platform.close()
  await model.close()
})

async function play(turns: ScriptInput['turns']): Promise<void> {
  await model.close()
  model = await startPlayedModel({ turns }, port)
  tenant = await platform.organization()
}
const chat = async (approval: 'auto' | 'manual') =>
  settled(
    tenant,
    (
      await tenant.ok('chat_with_agent', {
        message: 'Make a workflow that says hello.',
        approval,
        waitSeconds: 20,
      })
    ).run,
  )
const answer = (run: Body, given: object) => answerRun(tenant, run, given)

test('the assistant looks things up by itself; a change is put to the person, and refused it is not made', async () => {
  await play([
    use('list_workflows', {}),
    { when: { last: 'workflows' }, ...use('create_workflow', WORKFLOW) },
    { when: { last: 'person is asked' }, text: 'I propose to make it.' },
    { when: { last: 'did not agree' }, text: 'Then I leave it.' },
    { when: { last: 'Do it after all' }, ...use('create_workflow', WORKFLOW) },
    { when: { last: 'person is asked' }, text: 'Once more.' },
    { when: { last: 'What became of' }, text: 'It is made.' },
  ])
  let run = await chat('manual')
  expect(run.question).toMatchObject({
    point: 'before_change',
    details: { tool: 'create_workflow', input: WORKFLOW },
  })
  expect((await tenant.ok('list_workflows')).workflows).toEqual([])
  run = await answer(run, { decision: 'reject', note: 'Not now.' })
  expect(run.question).toMatchObject({ point: 'reply', question: 'Then I leave it.' })
  expect((await tenant.ok('list_workflows')).workflows).toEqual([])
  run = await answer(run, { message: 'Do it after all' })
  run = await answer(run, { decision: 'accept' })
  expect((await tenant.ok('list_workflows')).workflows).toMatchObject([{ slug: 'hello' }])
  run = await answer(run, { message: '' })
  expect(run).toMatchObject({
    status: 'completed',
    output: {
      reply: 'It is made.',
      done: [
        { tool: 'create_workflow', outcome: 'refused' },
        { tool: 'create_workflow', outcome: 'done' },
      ],
    },
  })
}, 120_000)

test('where the model’s connection breaks in its answer, who reads is told that it begins again', async () => {
  const text = 'There is nothing to do here, and nothing was done. Ask me for something else.'
  await play([{ text, drop: 'midway' }, { text }])
  const { id } = await chat('manual')
  const { events } = await tenant.ok('list_agent_run_events', { run: id, limit: 200 })
  const tokens = events.flatMap(({ type, data }: Body) => (type === 'token' ? [data] : []))
  const again = tokens.findIndex(({ restart }: Body) => restart === true)
  const said = (some: Body[]) => some.map((one) => one.text).join('')
  expect(again).toBeGreaterThan(0)
  expect(said(tokens.slice(0, again))).not.toBe('')
  expect(said(tokens.slice(again))).toBe(text)
})

test('in auto mode it answers once; what is not on its list it cannot call, whatever a model was talked into', async () => {
  await play([
    use('delete_workflow', { workflow: 'hello' }),
    { when: { last: 'You may not use' }, ...use('create_api_key', { name: 'x', role: 'owner' }) },
    { when: { last: 'You may not use' }, ...use('create_workflow', WORKFLOW) },
    { when: { last: 'person is asked' }, text: 'Making it.' },
    { when: { last: 'What became of' }, text: 'Made.' },
  ])
  await tenant.ok('create_workflow', WORKFLOW)
  const run = await chat('auto')
  expect(run).toMatchObject({
    status: 'completed',
    output: { reply: 'Made.', done: [{ tool: 'create_workflow', outcome: 'failed' }] },
  })
  expect((await tenant.ok('list_workflows')).workflows).toHaveLength(1)
  expect((await tenant.ok('list_api_keys')).apiKeys).toHaveLength(1)
}, 120_000)

test('in auto mode what deploys or runs waits for a person, who is shown the code', async () => {
  const deploying = { workflow: 'hello', environment: 'dev' }
  await play([
    use('create_workflow', WORKFLOW),
    use('publish_workflow', { workflow: 'hello' }),
    { text: 'Making it.' },
    { when: { last: 'What became of' }, ...use('deploy_workflow', deploying) },
    { text: 'And deploying it.' },
    { when: { last: 'What became of' }, text: 'Done.' },
  ])
  const waiting = await chat('auto')
  expect(waiting.question).toMatchObject({
    point: 'before_change',
    default: null,
    details: { tool: 'deploy_workflow', input: deploying, code: { hello: WORKFLOW.code } },
  })
  expect((await tenant.ok('list_deployments', { workflow: 'hello' })).deployments).toEqual([])
  expect(await answer(waiting, { decision: 'accept' })).toMatchObject({
    status: 'completed',
    output: {
      done: [{ outcome: 'done' }, { outcome: 'done' }, { tool: 'deploy_workflow', outcome: 'done' }],
    },
  })
  expect((await tenant.ok('list_deployments', { workflow: 'hello' })).deployments).toHaveLength(1)
}, 120_000)

test('a used-up month ends the organization’s runs with how to go on; a larger budget lets them go on', async () => {
  const usage = { input: 60_000, output: 40_000 }
  await play([
    { text: 'Hello.', usage },
    { text: 'Hello again.', usage },
  ])
  const developer = await tenant.key({ role: 'developer' })
  expect(await tenant.call('set_model_budget', { tokensPerMonth: 1_000 }, developer)).toMatchObject({
    status: 403,
  })
  await tenant.ok('set_model_budget', { tokensPerMonth: 100_000 })
  expect(await chat('auto')).toMatchObject({ status: 'completed' })
  expect(await chat('auto')).toMatchObject({
    status: 'failed',
    error: {
      code: 'limit_exceeded',

      hint: expect.stringContaining('set_model_budget'),
    },
  })
  expect(model.received).toHaveLength(1)
  expect((await tenant.ok('get_model_usage')).budget).toMatchObject({
    tokensPerMonth: 100_000,
    tokensUsed: 100_000,
  })
  await tenant.ok('set_model_budget', { tokensPerMonth: null })
  expect(await chat('auto')).toMatchObject({ status: 'completed' })
  // The played model has no price: a bound in money could not be kept.
  await tenant.ok('set_model_budget', { usdPerMonth: 1 })
  expect(await chat('auto')).toMatchObject({ status: 'failed', error: { code: 'invalid_input' } })
}, 120_000)
