import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/json.ts'
import type { TestReport } from '../../runtime/connectors/test/report.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from '../../tests/setup/notes-api.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'
import type { ToolCall } from '../tool-call.ts'
import { candidateOfPatch, definitionOf } from './candidate.ts'
import { proposeByComparing } from './deterministic.ts'
import { fixAction, type Proposer } from './fix-action.ts'

describe('mending an action', () => {
  let platform: TestPlatform
  let tenant: Tenant
  let api: NotesApi
  const call: ToolCall = (tool, input) => tenant.ok(tool, input) as Promise<JsonObject>
  beforeAll(async () => {
    platform = await startTestPlatform()
    api = await startNotesApi()
  })
  afterAll(async () => {
    await platform.close()
    await api.close()
  })
  beforeEach(async () => {
    api.place = 'notes'
    api.notes.clear()
    tenant = await platform.organization()
    await call('import_spec', { url: `${api.url}/openapi.json`, slug: 'notes' })
    await call('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } })
  })

  const settings = { allowWrites: true, callsPerMinute: 6000 }
  const tested = async (): Promise<TestReport> =>
    (await call('test_actions', { ...settings, connector: 'notes', seed: 1 })).report as unknown as TestReport
  const mend = async (action: string, proposers: Proposer[] = [proposeByComparing(call, {})]) =>
    fixAction(call, {
      connector: 'notes',
      action,
      test: settings,
      seed: 1,
      baseline: await tested(),
      proposers,
    })
  const breakIt = (action: string, change: object) =>
    call('update_action', { connector: 'notes', action, ...change })

  test('a connector that is right passes, and leaves nothing behind', async () => {
    const report = await tested()
    expect(report.counts).toEqual({ passed: 5, failed: 0, skipped: 0 })
    expect(report.cleanup.left).toEqual([])
    expect(api.notes.size).toBe(0)
  })

  test('a wrong path is found by comparing, patched, proven by a test, and kept with its evidence', async () => {
    await breakIt('get_note', { path: '/note/{note_id}' })
    const { fixed, rounds } = await mend('get_note')
    expect(fixed).toBe(true)
    expect(rounds).toMatchObject([
      { by: 'deterministic', kept: true, why: 'The action passes.', regressions: [] },
    ])
    expect(rounds[0]?.traces.before).toMatch(/^trc_/)
    expect(rounds[0]?.traces.after).toMatch(/^trc_/)
    expect((await tested()).counts.passed).toBe(5)
  })

  test('a patch that does not help is put back exactly, and the same one is not tried again', async () => {
    await breakIt('get_note', { path: '/note/{note_id}' })
    const before = await definitionOf(call, 'notes')
    let asked = 0
    const clumsy: Proposer = async ({ definition }) => {
      asked += 1
      const action = definition.actions.find(({ slug }) => slug === 'get_note')
      if (action === undefined) throw new Error('gone')
      const patch = [
        { op: 'replace' as const, path: '/path', value: '/nota/{note_id}' },
        { op: 'remove' as const, path: '/outputSchema' },
      ]
      const told = { by: 'model' as const, reason: 'a guess', confidence: 0.1, citations: [] }
      return candidateOfPatch('notes', action, patch, told)
    }
    const { fixed, rounds } = await mend('get_note', [clumsy])
    expect(fixed).toBe(false)
    expect(rounds).toMatchObject([{ kept: false, why: 'The action gets no further than before.' }])
    expect(asked).toBe(2)
    expect(await definitionOf(call, 'notes')).toEqual(before)
  })

  test('a patch that mends the action at the price of another is put back', async () => {
    await breakIt('list_notes', { path: '/v2/notes' })
    const before = await definitionOf(call, 'notes')
    const atOthersPrice: Proposer = async () => ({
      by: 'model',
      patch: [],
      connectorPatch: [{ op: 'replace', path: '/baseUrl', value: 'x' }],
      // Right for this action alone: with the base URL of all changed, the others go astray.
      update: { connector: 'notes', action: 'list_notes', path: '/notes', baseUrl: api.url },
      connectorUpdate: { connector: 'notes', baseUrl: `${api.url}/v9` },
      reason: 'a new version',
      confidence: 0.5,
      citations: [],
    })
    const { fixed, rounds } = await mend('list_notes', [atOthersPrice])
    expect(fixed).toBe(false)
    expect(rounds[0]?.kept).toBe(false)
    expect(rounds[0]?.regressions.toSorted()).toEqual([
      'create_note',
      'delete_note',
      'get_note',
      'update_note',
    ])
    expect(await definitionOf(call, 'notes')).toEqual(before)
  })

  test('a patch of what an action is known by is refused', () => {
    const action = { slug: 'get_note', path: '/notes' } as never
    const told = { by: 'model' as const, reason: '', confidence: 1, citations: [] }
    expect(() =>
      candidateOfPatch('notes', action, [{ op: 'replace', path: '/slug', value: 'other' }], told),
    ).toThrow('does not change /slug')
  })

  test('drift is told with what it breaks, and nothing is changed until the proposal is taken', async () => {
    const calm = await call('check_connector_drift', { connector: 'notes' })
    expect(calm).toMatchObject({ drifted: false, proposal: null, source: `${api.url}/openapi.json` })
    await call('create_customer', { name: 'Acme', slug: 'acme' })
    await call('create_connection', {
      connector: 'notes',
      customer: 'acme',
      credentials: { token: NOTES_TOKEN },
    })
    api.place = 'memos'
    const before = await definitionOf(call, 'notes')
    const found = await call('check_connector_drift', { connector: 'notes' })
    expect(found).toMatchObject({ drifted: true, customers: ['acme'], customersTotal: 1 })
    expect((found.impact as JsonObject).connections).toBe(2)
    expect(await definitionOf(call, 'notes')).toEqual(before)
    expect((await tested()).counts.passed).toBe(0)
    await call('import_spec', found.proposal as JsonObject)
    expect((await tested()).counts).toEqual({ passed: 5, failed: 0, skipped: 0 })
    expect((await call('check_connector_drift', { connector: 'notes' })).drifted).toBe(false)
  })

  test('writes to a customer’s account need to be said, and a test key never makes them', async () => {
    await call('create_customer', { name: 'Acme', slug: 'acme' })
    await call('create_connection', {
      connector: 'notes',
      customer: 'acme',
      credentials: { token: NOTES_TOKEN },
    })
    const input = { ...settings, connector: 'notes', customer: 'acme' }
    expect(await tenant.call('test_actions', input)).toMatchObject({
      status: 403,
      body: { where: 'allowLive' },
    })
    const testKey = await tenant.key({ role: 'developer', mode: 'test' })
    expect((await tenant.call('test_actions', { ...input, allowLive: true }, testKey)).status).toBe(403)
    expect(api.notes.size).toBe(0)
    expect((await tenant.call('test_actions', { ...input, allowLive: true })).status).toBe(200)
  })
})
