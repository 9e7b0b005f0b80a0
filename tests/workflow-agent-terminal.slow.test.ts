import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerRun, chatWith, commandWith, settled } from './setup/agent-runs.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { passingBuild, REQUEST, startPlayground } from './setup/played-build.ts'

let world: Awaited<ReturnType<typeof startPlayground>>
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  world = await startPlayground()
  const model = { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' }
  platform = await startTestPlatform('embedded', model)
}, 120_000)
afterAll(async () => {
  await platform.close()
  await world.close()
})

/** An organization of its own, with the ledger imported. */
async function begin(connector = true): Promise<void> {
  tenant = await platform.organization()
  world.ledger.invoices.length = 0
  if (connector) await tenant.ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' })
}
/** Started in Auto mode, by somebody who wants the ledger written in. */
const start = async (tool: string, input: object, key?: string): Promise<Body> => {
  const tries = ['build_workflow', 'write_test_cases'].includes(tool)
  const given = { approval: 'auto', ...(tries ? { mayWrite: ['ledger'] } : {}), ...input, waitSeconds: 20 }
  return settled(tenant, (await tenant.ok(tool, given, key)).run, key)
}
const patchbay = (...args: string[]) => commandWith(platform, tenant, args)
const answer = (run: Body, given: object) => answerRun(tenant, run, given)

test('patchbay chat goes from the sentence to the deployed workflow', async () => {
  await begin()
  await world.play()
  const input = JSON.stringify({ request: REQUEST, mayWrite: ['ledger.create_invoice'] })
  const args = ['--agent', 'workflow_agent', '--auto', '--input', input]
  const { code, printed } = await chatWith(platform, tenant, args)
  expect(printed).toContain('4 of 4 test cases pass with version 2.')
  // What was mended is shown before it is deployed.
  expect(printed).toMatch(
    /Made: invoice-paid-orders\.js, mended\n[\s\S]*Math\.round\(order\.total \* 100\)[\s\S]*Step: deploy/,
  )
  expect(printed).toMatch(/^ *status: deployed$/m)
  expect(printed).toMatch(/^ *\| from +\| to +\| change +\| why/m)
  expect(printed).toContain('document: as shown above (plan-')
  expect(printed).toContain('cases: as shown above (Test cases of invoice-paid-orders)')
  expect(printed).not.toMatch(/"(plan|mappings|results|scenario|trigger)":/)
  expect(code).toBe(0)
}, 180_000)

test('what was built is measured on the cases the agent wrote, as often as asked: eval workflow … --run', async () => {
  await begin()
  await world.play(...passingBuild())
  const { id, output } = await start('build_workflow', { request: REQUEST, mayWrite: ['ledger'] })
  expect(output).toMatchObject({ status: 'deployed', tests: { passed: 4 } })
  expect(output.cases.map((one: Body) => one.id)).toEqual(['TC-01', 'TC-02', 'TC-03', 'TC-04'])
  const made = world.ledger.invoices.length
  const { slug } = output.workflow
  const measured = await patchbay('eval', 'workflow', slug, '--run', id, '--trials', '3')
  expect(measured.printed).toMatch(/pass@1 +12\/12 +100\.0 %/)
  expect(measured.code).toBe(0)
  // Each trial made what the cases make, with names of its own; what is mocked made nothing.
  expect(world.ledger.invoices.length - made).toBe(3 * made)
  const planned = await start('plan_integration', { request: REQUEST })
  const none = await patchbay('eval', 'workflow', slug, '--run', planned.id)
  expect(none).toMatchObject({
    code: 2,
    printed: expect.stringContaining('(planner, completed) has no test cases'),
  })
  expect(await patchbay('eval', 'workflow', slug)).toMatchObject({
    code: 2,
    printed: expect.stringContaining('--run ID'),
  })
}, 180_000)

test('who goes on with a run at a terminal sees all that happened, and then what is asked', async () => {
  await begin()
  await world.play(...passingBuild())
  const asked = await start('build_workflow', { request: REQUEST, approval: 'manual' })
  const { id } = await answer(asked, {})
  const { code, printed } = await chatWith(platform, tenant, ['--run', id], ['stop\n'])
  expect(code, printed).toBe(0)
  const at = (text: string) => printed.indexOf(text)
  expect(at('Step: draft_plan')).toBeGreaterThan(0)
  expect(at('decision: approve')).toBeGreaterThan(at('Step: draft_plan'))
  expect(printed.split('decision: approve')).toHaveLength(2)
}, 180_000)

test('a person at a terminal is asked only what the decision leaves open', async () => {
  await begin()
  await world.play(...passingBuild())
  const input = JSON.stringify({ request: REQUEST })
  const { code, printed } = await chatWith(
    platform,
    tenant,
    ['--agent', 'workflow_agent', '--input', input],
    [
      ...['\n', 'yes please\n', 'change\n', 'In dollars too.\n', 'approve\n', '\n'], // the question; the plan, twice
      ...['\n', 'change\n', 'Fewer.\n', 'approve\n', 'TC-03\n', 'stop\n'], // the code; the cases, twice; the end
    ],
  )
  const asked = printed.match(/^ {2}(q1|\w+)(?=: .* > $)/gm)?.map((name) => name.trim())
  expect(asked, printed).toEqual([
    ...['q1', 'decision', 'decision', 'feedback', 'decision', 'testCases'],
    ...['decision', 'decision', 'feedback', 'decision', 'leaveOut', 'decision'],
  ])
  expect(code).toBe(0)
  expect(printed).toContain('3 of 3 test cases pass')
  expect(printed).toContain('The answer is not as asked: decision: ')
  expect(printed).toContain('feedback: What is to be different. [none] > ')
}, 180_000)
