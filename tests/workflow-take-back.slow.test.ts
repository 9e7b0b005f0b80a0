import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { answerRun, settled } from './setup/agent-runs.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { passingBuild, REQUEST, startPlayground } from './setup/played-build.ts'

// A person rejects what the Workflow Agent has built: what it made goes, what was there before or is others' stays.

const SLUG = 'invoice-paid-orders'
const GONE = `the workflow '${SLUG}' with its versions and executions`
const MOCK = `the mock '${SLUG} TC-03: takes it' of ledger.create_invoice`

let world: Awaited<ReturnType<typeof startPlayground>>
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  world = await startPlayground()
  await world.play(...passingBuild())
  const model = { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' }
  platform = await startTestPlatform('embedded', model)
}, 120_000)
afterAll(async () => {
  await platform.close()
  await world.close()
})
beforeEach(async () => {
  tenant = await platform.organization()
  await tenant.ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' })
})

const ANSWERS: Record<string, object> = {
  questions: {},
  after_planning: { decision: 'approve' },
  after_building: { decision: 'approve' },
  after_cases: { decision: 'approve' },
}
/** A build that asks whether to deploy. */
async function toTheEnd(input: object = {}, key?: string): Promise<Body> {
  const request = { request: REQUEST, approval: 'manual', ...input }
  return approved(await settled(tenant, (await tenant.ok('build_workflow', request, key)).run))
}
async function approved(asking: Body): Promise<Body> {
  let run = asking
  for (let answer = ANSWERS[run.question?.point]; answer !== undefined; answer = ANSWERS[run.question?.point])
    run = await answerRun(tenant, run, answer)
  expect(run.question, JSON.stringify(run.error)).toMatchObject({ point: 'after_testing' })
  expect(run.question.details.report, 'the played cases').toMatchObject({ failed: 0 })
  return run
}
const decide = (run: Body, decision: string) => answerRun(tenant, run, { decision })
/** Back to the last question of a run, or to another node. */
async function askedAgain({ id }: Body, node = 'approve_tests'): Promise<Body> {
  const { checkpoints } = await tenant.ok('list_agent_checkpoints', { run: id })
  const { id: checkpoint } = checkpoints.find(({ next }: Body) => next.includes(node))
  return settled(tenant, (await tenant.ok('rewind_agent_run', { run: id, checkpoint })).run)
}
const workflows = async () => (await tenant.ok('list_workflows')).workflows.map(({ slug }: Body) => slug)
const mocks = async () =>
  (await tenant.ok('list_action_mocks', { connector: 'ledger' })).mocks.map(({ scenario }: Body) => scenario)
const triggers = async () => (await tenant.ok('list_triggers')).triggers.map(({ id }: Body) => id)
const get = async (workflow: string) => (await tenant.ok('get_workflow', { workflow })).workflow

/** A workflow of somebody else, with its trigger and a mock. */
async function bystander(): Promise<unknown> {
  const code = 'export default async (ctx) => ctx.connectors.ledger.list_invoices({})'
  await tenant.ok('create_workflow', { name: 'Other', slug: 'other', code })
  await tenant.ok('publish_workflow', { workflow: 'other' })
  await tenant.ok('deploy_workflow', { workflow: 'other', environment: 'dev' })
  await tenant.ok('create_webhook', { name: 'Other', routes: [{ workflow: 'other', environment: 'dev' }] })
  await tenant.ok('set_action_mock', {
    connector: 'ledger',
    action: 'create_invoice',
    scenario: 'of a person',
    answers: [{ output: {} }],
  })
  return present()
}
const present = async () => ({
  workflows: await workflows(),
  triggers: await triggers(),
  mocks: await mocks(),
  other: await get('other'),
})

test('rejected, everything the run made is gone and all else is as it was; what cannot be taken back is told', async () => {
  const before = await bystander()
  const run = await toTheEnd()
  expect(run.question.question).toContain(
    `Rejecting deletes ${SLUG} with versions and executions, and takes back the mocks of its test cases`,
  )
  expect(await workflows()).toContain(SLUG)
  expect(await mocks()).toContain(`${SLUG} TC-03: takes it`)
  const done = await decide(run, 'reject')
  expect(done).toMatchObject({
    status: 'completed',
    output: {
      status: 'rejected',
      stoppedAt: 'after_testing',
      workflow: null,
      trigger: null,
      tests: { passed: 4 },
      takenBack: [GONE, MOCK],
    },
  })
  expect(done.output.notTakenBack).toEqual([
    { what: 'what 3 live test cases did in ledger', why: expect.stringContaining('cannot be taken back') },
  ])
  expect(await present()).toEqual(before)
}, 180_000)

test('stopped, it stays and nothing is taken back', async () => {
  const done = await decide(await toTheEnd(), 'stop')
  expect(done.output).toMatchObject({
    status: 'stopped',
    workflow: { slug: SLUG, version: 1 },
    takenBack: [],
    notTakenBack: [],
  })
  expect(await workflows()).toEqual([SLUG])
}, 180_000)

test('what was deployed and bound before the run went back is taken back too', async () => {
  const deployed = await decide(await toTheEnd(), 'deploy')
  expect(deployed.output).toMatchObject({ status: 'deployed', trigger: { type: 'webhook' } })
  const run = await askedAgain(deployed)
  expect(run.question.question).toContain('takes back its triggers, its deployments, the mocks')
  const done = await decide(run, 'reject')
  expect(done.output.takenBack).toEqual([`the webhook ${deployed.output.trigger.id}`, GONE, MOCK])
  expect(await triggers()).toEqual([])
  expect(await workflows()).toEqual([])
}, 180_000)

test('a workflow that others use or have changed since stays, and the output says why', async () => {
  let run = await toTheEnd()
  const routes = [{ workflow: SLUG, environment: 'dev' }]
  const { trigger } = await tenant.ok('create_webhook', { name: 'A colleague’s', routes })
  const why = async () => {
    run = await decide(run, 'reject')
    expect(run.output).toMatchObject({ status: 'rejected', workflow: { slug: SLUG } })
    expect(await workflows()).toEqual([SLUG])
    return run.output.notTakenBack.find(({ what }: Body) => what === GONE)?.why
  }
  expect(await why()).toBe(`A trigger starts it by now: ${trigger.id}.`)
  expect(await triggers()).toEqual([trigger.id])
  await tenant.ok('delete_trigger', { trigger: trigger.id })
  await tenant.ok('update_workflow', { workflow: SLUG, description: 'By a colleague.' })
  run = await askedAgain(run)
  expect(await why()).toBe('It was changed since.')
  await tenant.ok('deploy_workflow', { workflow: SLUG, environment: 'staging' })
  run = await askedAgain(run)
  expect(await why()).toBe('It was deployed since to staging.')
}, 180_000)

test('a trigger that somebody has changed since stays, with the workflow it starts', async () => {
  const deployed = await decide(await toTheEnd(), 'deploy')
  const { id } = deployed.output.trigger
  await tenant.ok('rotate_webhook_secret', { trigger: id })
  const done = await decide(await askedAgain(deployed), 'reject')
  expect(done.output).toMatchObject({ workflow: { slug: SLUG }, takenBack: [MOCK] })
  expect(done.output.notTakenBack.slice(0, 2)).toEqual([
    { what: `the webhook ${id}`, why: 'It was changed since.' },
    { what: GONE, why: `A trigger starts it by now: ${id}.` },
  ])
  expect(await triggers()).toEqual([id])
  expect(await workflows()).toEqual([SLUG])
}, 180_000)

test('what the run made before it went back and built anew goes too', async () => {
  const run = await approved(await askedAgain(await toTheEnd(), 'write_code'))
  const again = `${SLUG}-2`
  expect((await workflows()).toSorted()).toEqual([SLUG, again])
  expect(run.question.question).toContain(`Rejecting deletes ${SLUG}, ${again} with versions and executions`)
  const done = await decide(run, 'reject')
  expect(done.output).toMatchObject({
    workflow: null,
    takenBack: [GONE, GONE.replace(SLUG, again), MOCK, MOCK.replace(SLUG, again)],
  })
  expect(await workflows()).toEqual([])
  expect(await mocks()).toEqual([])
}, 180_000)

test('a workflow that was there and was rebuilt gets its draft and what was deployed back; its own trigger stays', async () => {
  const code = (n: number) => `export default async () => ({ written: 'by hand', n: ${n} })`
  await tenant.ok('create_workflow', { name: 'By hand', slug: 'by-hand', code: code(1) })
  await tenant.ok('publish_workflow', { workflow: 'by-hand' })
  await tenant.ok('deploy_workflow', { workflow: 'by-hand', environment: 'dev' })
  await tenant.ok('update_workflow', { workflow: 'by-hand', code: code(2) })
  const routes = [{ workflow: 'by-hand', environment: 'dev' }]
  const { trigger } = await tenant.ok('create_webhook', { name: 'By hand', routes })
  const deployed = await decide(await toTheEnd({ workflow: 'by-hand' }), 'deploy')
  expect(deployed.output).toMatchObject({ status: 'deployed', trigger: { id: trigger.id } })
  expect(await get('by-hand')).toMatchObject({
    deployments: [{ environment: 'dev', version: 2 }],
    concurrency: { limit: 1, key: 'input.order.id', hold: 'until_ended' },
  })
  const run = await askedAgain(deployed)
  expect(run.question.question).toContain(
    'Rejecting puts the draft of by-hand back as it was before this run',
  )
  const done = await decide(run, 'reject')
  expect(done.output.takenBack).toEqual([
    "the deployment of version 2 of 'by-hand' to dev",
    "the draft of 'by-hand'",
    "the mock 'by-hand TC-03: takes it' of ledger.create_invoice",
  ])
  expect(done.output.notTakenBack).toContainEqual({
    what: "of 'by-hand': version 2",
    why: expect.stringContaining('never deleted'),
  })
  expect(await get('by-hand')).toMatchObject({
    code: code(2),
    inputSchema: null,
    reach: null,
    concurrency: null,
    latestVersion: 2,
    deployments: [{ environment: 'dev', version: 1 }],
  })
  expect(await triggers()).toEqual([trigger.id])
}, 180_000)

test('a bound on its runs that a person set stays when the workflow is rebuilt', async () => {
  const concurrency = { limit: 7, key: null, hold: 'while_running' }
  const code = "export default async () => ({ written: 'by hand' })"
  await tenant.ok('create_workflow', { name: 'Bound', slug: 'bound', code, concurrency })
  expect((await decide(await toTheEnd({ workflow: 'bound' }), 'deploy')).output.status).toBe('deployed')
  expect((await get('bound')).concurrency).toEqual(concurrency)
}, 180_000)

test('taking back is done with the permissions of whoever started the run: a key that may not delete does not', async () => {
  const { key, permissions } = await developerWithout('workflows.delete')
  expect(permissions).not.toContain('workflows.delete')
  const run = await toTheEnd({}, key)
  const done = await decide(run, 'reject')
  expect(done.output).toMatchObject({ status: 'rejected', workflow: { slug: SLUG }, takenBack: [MOCK] })
  expect(done.output.notTakenBack[0]).toEqual({
    what: GONE,
    why: expect.stringContaining('workflows.delete'),
  })
  expect(await workflows()).toEqual([SLUG])
}, 180_000)

async function developerWithout(permission: string): Promise<{ key: string; permissions: string[] }> {
  const whole = await tenant.key({ role: 'developer' })
  const mine = (await tenant.ok('whoami', {}, whole)).permissions as string[]
  const permissions = mine.filter((one) => one !== permission)
  const { key } = await tenant.ok('create_api_key', {
    name: 'less',
    role: 'developer',
    mode: 'live',
    permissions,
  })
  return { key, permissions }
}
