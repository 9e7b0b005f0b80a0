import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import { insertExecutions, type NewExecution } from '../../db/new-executions.ts'
import { insertTraces } from '../../db/traces.ts'
import { insertWorkflow, insertWorkflowVersion } from '../../db/workflows.ts'
import { workflowRow } from '../../tests/setup/workflow-row.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { cancelExecution } from './cancel-execution.ts'
import { getDeadLetter } from './get-dead-letter.ts'
import { getEvent } from './get-event.ts'
import { getExecution } from './get-execution.ts'
import { getTrace } from './get-trace.ts'
import { listDeadLetters } from './list-dead-letters.ts'
import { listEvents } from './list-events.ts'
import { listExecutions } from './list-executions.ts'
import { listTraces } from './list-traces.ts'
import { replayDeadLetter } from './replay-dead-letter.ts'
import { replayExecution } from './replay-execution.ts'

let world: World
let owner: Actor
let acme: string
const ids = { workflow: '', event: '', quiet: '', failed: '', queued: '', trace: '', deadLetter: '' }

beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
  acme = (await world.call<{ customer: { id: string } }>(owner, createCustomer, { name: 'Acme' })).customer.id
  await seed()
})
afterAll(() => world.close())

/** One event of Acme's that started a failed execution in production, and a queued one of the organization's own. */
async function seed(): Promise<void> {
  for (const kind of ['workflow', 'event', 'trace', 'deadLetter'] as const) ids[kind] = newId(kind)
  ids.quiet = newId('event')
  ids.failed = newId('execution')
  ids.queued = newId('execution')
  const { organizationId } = owner
  await world.db.tenant(scopeOf(owner), async (tx) => {
    await insertWorkflow(tx, { ...workflowRow(ids.workflow, organizationId, 'orders'), name: 'Orders' })
    const version = await insertWorkflowVersion(tx, {
      id: newId('workflowVersion'),
      workflowId: ids.workflow,
      code: 'x',
      connectors: [],
      publishedBy: owner.id,
    })
    for (const [id, customer, status, payload] of [
      [ids.event, acme, 'delivered', '{"order":1}'],
      [ids.quiet, null, 'unmatched', 'null'],
    ] as const)
      await tx.run(
        `INSERT INTO events (id, organization_id, customer_id, source, headers, payload, status, dedupe_key)
         VALUES ($1, $2, $3, 'webhook', '{"x-topic":"orders","authorization":"Bearer abc"}', $4, $5, $1)`,
        [id, organizationId, customer, payload, status],
      )
    const execution: NewExecution = {
      id: ids.failed,
      organization_id: organizationId,
      customer_id: acme,
      workflow_id: ids.workflow,
      workflow_version_id: version?.id ?? '',
      environment: 'production',
      tier: 'standard',
      status: 'running',
      triggered_by: 'webhook',
      event_id: ids.event,
      trigger_id: null,
      parent_execution_id: null,
      replay_of: null,
      depth: 0,
      input: { order: 1 },
      headers: { 'x-topic': 'orders', cookie: 'session=abc' },
      max_attempts: 1,
      dead_letter: true,
      worker: 'w',
    }
    await insertExecutions(tx, [
      execution,
      {
        ...execution,
        id: ids.queued,
        customer_id: null,
        event_id: null,
        environment: 'dev',
        status: 'queued',
        worker: null,
      },
    ])
    await tx.run(
      `UPDATE executions SET status = 'failed', finished_at = started_at + interval '250 ms',
         error = '{"kind":"code","message":"no such order","where":"line 3","hint":"Check it.","extra":1}',
         stats = '{"durationMs":250}' WHERE id = $1`,
      [ids.failed],
    )
    await tx.run(
      `INSERT INTO execution_logs (execution_id, run, attempt, organization_id, customer_id, lines)
       VALUES ($1, 1, 1, $2, $3, '[{"at":"2026-01-01T00:00:00Z","level":"info","message":"hello"}]')`,
      [ids.failed, organizationId, acme],
    )
    await insertTraces(tx, organizationId, [
      {
        id: ids.trace,
        customer_id: acme,
        execution_id: ids.failed,
        attempt: 1,
        connection_id: null,
        connector: 'shop',
        action: 'get_order',
        status: 'error',
        http_status: 404,
        duration_ms: 12,
        request: { url: 'https://shop.test/orders/1' },
        response: { status: 404 },
        error: { message: 'not found' },
        created_at: new Date().toISOString(),
      },
    ])
    await tx.run(
      `INSERT INTO dead_letters (id, organization_id, customer_id, execution_id, event_id, workflow_id, workflow_version_id,
         event_payload, error_message, error_context, retry_count)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '{"order":1}', 'no such order', '{"kind":"code","headers":{"cookie":"session=abc"}}', 1)`,
      [ids.deadLetter, organizationId, acme, ids.failed, ids.event, ids.workflow, version?.id],
    )
  })
}

const found = async (tool: unknown, list: string, input: object, actor = owner): Promise<string[]> => {
  const output = await world.call<Record<string, { id: string }[]>>(actor, tool, input)
  return (output[list] ?? []).map(({ id }) => id)
}

test('an execution shows its input, error, logs and connector calls, without credentials', async () => {
  const output = await world.call(owner, getExecution, { execution: ids.failed })
  expect(output).toMatchObject({
    execution: {
      workflow: 'orders',
      version: 1,
      status: 'failed',
      durationMs: 250,
      input: { order: 1 },
      headers: { 'x-topic': 'orders', cookie: '[redacted]' },
      error: { kind: 'code', message: 'no such order', where: 'line 3', hint: 'Check it.', extra: 1 },
      logs: [{ attempt: 1, lines: [{ level: 'info', message: 'hello' }] }],
      traces: [{ id: ids.trace, connector: 'shop', httpStatus: 404 }],
    },
  })
  expect(JSON.stringify(output)).not.toContain('session=abc')
})

test('executions are narrowed by each filter', async () => {
  const list = (input: object) => found(listExecutions, 'executions', input)
  expect(await list({})).toEqual([ids.queued, ids.failed].sort().reverse())
  for (const filter of [
    { status: 'failed' },
    { environment: 'production' },
    { customer: 'acme' },
    { event: ids.event },
  ])
    expect(await list(filter)).toEqual([ids.failed])
  expect(await list({ workflow: 'orders', since: '2020-01-01T00:00:00Z' })).toHaveLength(2)
  expect(await list({ since: '2100-01-01T00:00:00+02:00' })).toEqual([])
  expect(await list({ trigger: newId('trigger') })).toEqual([])
  expect((await world.refused(owner, listExecutions, { workflow: 'nope' })).code).toBe('not_found')
})

test('lists page without losing or repeating one', async () => {
  const first = await world.call<{ executions: { id: string }[]; nextCursor: string }>(
    owner,
    listExecutions,
    { limit: 1 },
  )
  const second = await world.call<{ executions: { id: string }[]; nextCursor: null }>(owner, listExecutions, {
    limit: 1,
    cursor: first.nextCursor,
  })
  expect([...first.executions, ...second.executions].map(({ id }) => id).sort()).toEqual(
    [ids.failed, ids.queued].sort(),
  )
  expect(second.nextCursor).toBeNull()
})

test('an event shows its payload and what it started; unmatched ones are found', async () => {
  expect(await world.call(owner, getEvent, { event: ids.event })).toMatchObject({
    event: {
      payload: { order: 1 },
      headers: { 'x-topic': 'orders', authorization: '[redacted]' },
      executionCount: 1,
      executions: [{ id: ids.failed }],
    },
  })
  expect(await found(listEvents, 'events', { status: 'unmatched' })).toEqual([ids.quiet])
  expect(await found(listEvents, 'events', { source: 'manual' })).toEqual([])
  expect(await found(listEvents, 'events', { customer: 'acme' })).toEqual([ids.event])
})

test('a trace shows what was sent and what came back', async () => {
  expect(
    await found(listTraces, 'traces', { execution: ids.failed, status: 'error', connector: 'shop' }),
  ).toEqual([ids.trace])
  expect(await found(listTraces, 'traces', { action: 'other' })).toEqual([])
  expect(await world.call(owner, getTrace, { trace: ids.trace })).toMatchObject({
    trace: {
      request: { url: 'https://shop.test/orders/1' },
      response: { status: 404 },
      error: { message: 'not found' },
    },
  })
})

test('a dead letter carries the whole payload', async () => {
  expect(await found(listDeadLetters, 'deadLetters', { status: 'pending', workflow: 'orders' })).toEqual([
    ids.deadLetter,
  ])
  expect(await found(listDeadLetters, 'deadLetters', { status: 'replayed' })).toEqual([])
  expect(await world.call(owner, getDeadLetter, { deadLetter: ids.deadLetter })).toMatchObject({
    deadLetter: {
      executionId: ids.failed,
      payload: { order: 1 },
      error: { kind: 'code', headers: { cookie: '[redacted]' } },
      retries: 1,
    },
  })
})

test('a test key replays nothing that ran in production', async () => {
  const testKey: Actor = { ...owner, mode: 'test' }
  expect((await world.refused(testKey, replayExecution, { execution: ids.failed })).code).toBe('forbidden')
  expect((await world.refused(testKey, replayDeadLetter, { deadLetter: ids.deadLetter })).code).toBe(
    'forbidden',
  )
})

test('a dead letter replayed already points to its replay', async () => {
  await world.db.tenant(scopeOf(owner), (tx) =>
    tx.run("UPDATE dead_letters SET status = 'replayed', replay_execution_id = 'exec_9' WHERE id = $1", [
      ids.deadLetter,
    ]),
  )
  const refusal = await world.refused(owner, replayDeadLetter, { deadLetter: ids.deadLetter })
  expect(refusal).toMatchObject({ code: 'conflict', hint: expect.stringContaining('exec_9') })
})

test('a key of one customer sees that customer’s activity; another organization sees none', async () => {
  const limited = actorLike(owner, 'end_user', [acme])
  expect(await found(listExecutions, 'executions', {}, limited)).toEqual([ids.failed])
  expect(await found(listEvents, 'events', {}, limited)).toEqual([ids.event])
  expect((await world.refused(limited, getExecution, { execution: ids.queued })).code).toBe('not_found')
  expect((await world.refused(limited, getEvent, { event: ids.quiet })).code).toBe('not_found')

  const stranger = await world.organization()
  const lookUps: [unknown, object][] = [
    [getExecution, { execution: ids.failed }],
    [replayExecution, { execution: ids.failed }],
    [getEvent, { event: ids.event }],
    [getTrace, { trace: ids.trace }],
    [getDeadLetter, { deadLetter: ids.deadLetter }],
    [replayDeadLetter, { deadLetter: ids.deadLetter }],
  ]
  for (const [tool, input] of lookUps)
    expect((await world.refused(stranger, tool, input)).code).toBe('not_found')
  for (const [tool, list] of [
    [listExecutions, 'executions'],
    [listEvents, 'events'],
    [listTraces, 'traces'],
    [listDeadLetters, 'deadLetters'],
  ] as const)
    expect(await found(tool, list, {}, stranger)).toEqual([])
})

test('a viewer neither cancels nor replays', async () => {
  const viewer = actorLike(owner, 'viewer')
  expect((await world.refused(viewer, cancelExecution, { execution: ids.queued })).code).toBe('forbidden')
  expect((await world.refused(viewer, replayExecution, { execution: ids.failed })).code).toBe('forbidden')
})
