import { afterAll, beforeAll, expect, test } from 'vitest'
import { killAtEveryNode } from './setup/kill-at-every-node.ts'
import { KILLED_NODES } from './setup/killed-nodes.ts'
import { passingBuild, REQUEST, startPlayground } from './setup/played-build.ts'

/** Kills at each n-th moment; 1 with KILL_EVERY=1 takes many minutes. */
const KILL_EVERY = Number(process.env.KILL_EVERY ?? 6)

let world: Awaited<ReturnType<typeof startPlayground>>
beforeAll(async () => {
  world = await startPlayground()
  await world.play()
})
afterAll(() => world.close())

/** What is not the same in two runs: ids, and what holds them. */
const withoutIds = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/(exec|trg)_[0-9a-f]{28}/g, '$1')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'host'),
  )

test('a build whose server is killed at its nodes ends with the same workflow, versions, deployment and one trigger', async () => {
  const runs = await killAtEveryNode(
    {
      agent: 'workflow_agent',
      input: { request: REQUEST, mayWrite: ['ledger'] },
      approval: 'auto',
      // Nothing is rejected here: what takes back is killed below.
      node: KILLED_NODES.workflow_agent.filter((node) => node !== 'take_back'),
      environment: { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' },
      prepare: async ({ ok }) => {
        await ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' })
      },
      effects: async ({ ok }) => {
        const { workflows } = await ok('list_workflows')
        const { triggers } = await ok('list_triggers')
        const { runs } = await ok('list_agent_runs')
        // Several servers at once write into one ledger: this run's invoices have its token.
        const token = `patchbay-test-${String(runs[0].id).slice(-6)}`
        const { workflow } = await ok('get_workflow', { workflow: 'invoice-paid-orders' })
        return {
          workflows: workflows.map(({ slug, latestVersion }: Record<string, unknown>) => [
            slug,
            latestVersion,
          ]),
          triggers: triggers.length,
          deployed: workflow.deployments.map(({ version }: Record<string, unknown>) => version),
          invoices: world.ledger.invoices
            .filter(({ reference }) => reference.startsWith(token))
            .map(({ amountCents }) => amountCents),
        }
      },
    },
    KILL_EVERY,
  )
  const [undisturbed, ...killed] = runs
  expect(undisturbed.effects).toEqual({
    workflows: [['invoice-paid-orders', 2]],
    triggers: 1,
    deployed: [2],
    invoices: [12, 1250],
  })
  expect(killed.length).toBeGreaterThan(4)
  for (const run of killed) expect(withoutIds(run)).toEqual(withoutIds({ ...undisturbed, at: run.at }))
}, 1_800_000)

const BY_HAND = { name: 'By hand', slug: 'by-hand', code: 'export default async () => 1' }
const mockOf = (slug: string) => `the mock '${slug} TC-03: takes it' of ledger.create_invoice`

test.each([
  {
    what: 'a workflow the run made',
    workflow: null,
    takenBack: [
      "the workflow 'invoice-paid-orders' with its versions and executions",
      mockOf('invoice-paid-orders'),
    ],
    left: [],
  },
  {
    what: 'a workflow the run rebuilt',
    workflow: BY_HAND.slug,
    takenBack: [`the draft of '${BY_HAND.slug}'`, mockOf(BY_HAND.slug)],
    left: [[BY_HAND.slug, BY_HAND.code, 2]],
  },
])(
  'a rejection whose server is killed while it takes back ends as one undisturbed: $what',
  async ({ workflow, takenBack, left }) => {
    await world.play(...passingBuild())
    const approve = { decision: 'approve' }
    const [undisturbed, ...killed] = await killAtEveryNode({
      agent: 'workflow_agent',
      input: { request: REQUEST, workflow },
      answers: {
        questions: {},
        after_planning: approve,
        after_building: approve,
        after_cases: approve,
        after_testing: { decision: 'reject' },
      },
      node: 'take_back',
      environment: { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' },
      prepare: async ({ ok }) => {
        await ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' })
        if (workflow === null) return
        await ok('create_workflow', BY_HAND)
        await ok('publish_workflow', { workflow })
      },
      effects: async ({ ok }) => {
        const { workflows } = await ok('list_workflows')
        const { mocks } = await ok('list_action_mocks', { connector: 'ledger' })
        const seen = []
        for (const { slug } of workflows) {
          const { code, latestVersion } = (await ok('get_workflow', { workflow: slug })).workflow
          seen.push([slug, code, latestVersion])
        }
        return { workflows: seen, mocks }
      },
    })
    expect(undisturbed).toMatchObject({
      status: 'completed',
      output: { status: 'rejected', takenBack },
      effects: { workflows: left, mocks: [] },
    })
    expect(killed.map(({ at }) => at)).toEqual([
      'entered take_back',
      'called take_back',
      'called take_back',
      'left take_back',
    ])
    for (const run of killed)
      expect(withoutIds({ ...run, at: '' }), run.at).toEqual(withoutIds({ ...undisturbed, at: '' }))
  },
  1_800_000,
)
