import { existsSync } from 'node:fs'
import type { Emulator } from 'emulate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../setup/platform.ts'
import { run, startGithub, startStripe, stripeSpec } from './world.ts'

/** The action tester on API servers that others wrote. */
let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
})
afterAll(() => platform.close())

const verdicts = (report: Body): Record<string, string> =>
  Object.fromEntries(
    report.actions.map((one: Body) => [
      one.action,
      one.check === null ? one.verdict : `${one.verdict}: ${one.check}`,
    ]),
  )

describe('GitHub', () => {
  let github: Emulator
  beforeAll(async () => {
    github = (await startGithub(tenant)).github
  })
  afterAll(() => github?.close())

  const actions = [
    'issues_create',
    'issues_get',
    'issues_update',
    'issues_create_label',
    'issues_get_label',
    'issues_update_label',
    'issues_delete_label',
    'issues_create_milestone',
    'issues_get_milestone',
    'issues_delete_milestone',
    'issues_create_comment',
    'issues_delete_comment',
    'repos_create_for_authenticated_user',
    'repos_update',
    'repos_delete',
  ]
  const testGithub = (more: object = {}) =>
    tenant.ok('test_actions', {
      connector: 'github',
      actions,
      allowWrites: true,
      seed: 1,
      callsPerMinute: 6000,
      inputs: { '*': { owner: 'acme', repo: 'shop' } },
      ...more,
    })

  test('issues, labels and milestones are made, read back, changed and deleted; the repository it works in stays', async () => {
    const { report } = await testGithub()
    expect(verdicts(report)).toMatchObject({
      issues_create: 'passed',
      issues_get: 'passed',
      issues_update: 'passed',
      issues_create_label: 'passed',
      issues_update_label: 'passed',
      issues_delete_label: 'passed',
      issues_create_milestone: 'passed',
      issues_delete_milestone: 'passed',
      issues_delete_comment: 'passed',
      repos_create_for_authenticated_user: 'passed',
      repos_delete: 'passed',
      // The emulator leaves out counts that GitHub's own description requires.
      repos_update: 'failed: schema',
    })
    const changed = report.actions.find((one: Body) => one.action === 'issues_update')
    expect(changed.links).toMatchObject([
      { input: 'owner', origin: 'given' },
      { input: 'repo', origin: 'given' },
      { input: 'issue_number', origin: 'created', from: 'issues_create', pointer: '/number' },
    ])
    expect(changed.readBack).toMatchObject({ action: 'issues_get', compared: ['title', 'body'] })
    const { output } = await run(tenant, 'github', 'repos_get', { owner: 'acme', repo: 'shop' })
    expect(output.name).toBe('shop')
    // No API deletes an issue: that is said, not passed over.
    expect(report.cleanup.left).toMatchObject([{ madeBy: 'issues_create' }])
  })

  test('a failure bears what was sent and what came back, without the token', async () => {
    await tenant.ok('update_action', {
      connector: 'github',
      action: 'issues_get_label',
      path: '/repos/{owner}/{repo}/label/{name}',
    })
    const { report } = await testGithub({ actions: ['issues_get_label'] })
    expect(verdicts(report)).toEqual({ issues_get_label: 'failed: status' })
    const [failed] = report.actions
    expect(failed.evidence.request.url).toContain('/label/patchbay-test-1-')
    expect(failed.evidence.response.status).toBe(404)
    expect(failed.trace).toMatch(/^trc_/)
    expect(JSON.stringify(report)).not.toContain('ghp_test')
    await tenant.ok('update_action', {
      connector: 'github',
      action: 'issues_get_label',
      path: '/repos/{owner}/{repo}/labels/{name}',
    })
  })

  test('without writes nothing is made', async () => {
    const { report } = await testGithub({ allowWrites: false })
    expect(verdicts(report).issues_create).toBe('skipped')
    expect(report.cleanup).toEqual({ deleted: [], left: [] })
  })
})

describe.skipIf(!existsSync(stripeSpec))('Stripe (needs ../shared/data)', () => {
  let stripe: Emulator
  beforeAll(async () => {
    stripe = await startStripe(tenant)
  })
  afterAll(() => stripe?.close())

  test('a customer is made, found, changed by POST and deleted; what cannot be deleted is told', async () => {
    const { report } = await tenant.ok('test_actions', {
      connector: 'stripe',
      actions: [
        'delete_customers_customer',
        'post_customers_customer',
        'get_customers_customer',
        'post_customers',
        'get_customers',
        'post_payment_intents',
      ],
      allowWrites: true,
      seed: 1,
    })
    expect(verdicts(report)).toMatchObject({
      get_customers: 'passed',
      post_customers: 'passed',
      get_customers_customer: 'passed',
      post_customers_customer: 'passed',
      delete_customers_customer: 'passed',
    })
    const { output } = await run(tenant, 'stripe', 'get_customers', {})
    // The one customer there was stays.
    expect(output.data.map((one: Body) => one.name)).toEqual(['Test Customer'])
    expect(report.cleanup.left).toMatchObject([{ madeBy: 'post_payment_intents' }])
  })
})
