import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAdmission } from '../runtime/executions/admission.ts'
import { buildSchedules, type Schedules } from '../runtime/schedules/schedules.ts'
import { describeOnEachDatabase } from './setup/database.ts'
import { deployWorkflow } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

const MINUTE_MS = 60_000

describeOnEachDatabase('a scheduler', (kind) => {
  let server: TestPlatform
  let tenant: Tenant
  let schedules: Schedules
  beforeAll(async () => {
    server = await startTestPlatform(kind)
    tenant = await server.organization()
    const { db, queue, log } = server.platform
    schedules = buildSchedules({ db, admission: buildAdmission({ db, queue, log }), log })
    await deployWorkflow(
      tenant,
      'job',
      `export default async (ctx) => {
        if (ctx.input.fail) throw new Error('no luck')
        return { got: ctx.input, at: ctx.headers['x-scheduled-for'] }
      }`,
    )
  })
  afterAll(() => server.close())

  const create = (settings: object): Promise<Body> =>
    tenant.ok('create_scheduler', {
      name: 'Job',
      timetable: { type: 'daily', time: '03:00' },
      routes: [{ workflow: 'job', environment: 'dev', payload: { shop: 7 } }],
      ...settings,
    })
  const runsOf = async (trigger: string): Promise<Body[]> =>
    (await tenant.ok('list_executions', { limit: 100 })).executions.filter(
      (execution: Body) => execution.triggerId === trigger,
    )
  const read = async (trigger: string): Promise<Body> => (await tenant.ok('get_trigger', { trigger })).trigger
  const minutesAfter = (time: string, minutes: number) => new Date(Date.parse(time) + minutes * MINUTE_MS)

  test('runs each moment once, with its payload, however many processes look', async () => {
    const { trigger } = await create({})
    const due = trigger.scheduler.nextRunAt
    await schedules.look(minutesAfter(due, -1))
    expect(await runsOf(trigger.id)).toEqual([])
    const started = await Promise.all(Array.from({ length: 4 }, () => schedules.look(minutesAfter(due, 0.5))))
    expect(started.reduce((sum, one) => sum + one, 0)).toBe(1)
    await schedules.look(minutesAfter(due, 0.5))
    const [run, ...others] = await runsOf(trigger.id)
    expect(others).toEqual([])
    const execution = await eventually(async () => {
      const { execution: now } = await tenant.ok('get_execution', { execution: run?.id })
      return now.status === 'completed' && now
    })
    expect(execution).toMatchObject({ triggeredBy: 'scheduler', output: { got: { shop: 7 }, at: due } })
    expect((await read(trigger.id)).scheduler.nextRunAt).toBe(minutesAfter(due, 24 * 60).toISOString())
    const { events } = await tenant.ok('list_events', { source: 'scheduled' })
    expect(events.map((event: Body) => event.triggerId)).toContain(trigger.id)
  })

  test.each([
    ['run_once', 1],
    ['run_all', 5],
    ['skip', 0],
  ])('after being away it makes up for missed runs as %s says', async (missedRuns, expected) => {
    const { trigger } = await create({ timetable: { type: 'interval', every: 10 }, missedRuns })
    const due = trigger.scheduler.nextRunAt
    await schedules.look(minutesAfter(due, 45))
    expect(await runsOf(trigger.id)).toHaveLength(expected)
    expect((await read(trigger.id)).scheduler.nextRunAt).toBe(minutesAfter(due, 50).toISOString())
  })

  test('waits for its delay, and starts nothing before its start', async () => {
    const startAt = new Date(Date.now() + 90 * MINUTE_MS).toISOString()
    const { trigger } = await create({ timetable: { type: 'interval', every: 30 }, startAt, delayMinutes: 5 })
    expect(trigger.scheduler.nextRunAt).toBe(minutesAfter(startAt, 5).toISOString())
  })

  test('switches itself off after failures in a row, says why, and is switched on again', async () => {
    const { trigger } = await create({
      timetable: { type: 'interval', every: 10 },
      routes: [{ workflow: 'job', payload: { fail: true } }],
      maxFailures: 2,
    })
    let at = minutesAfter(trigger.scheduler.nextRunAt, 0)
    for (const failures of [1, 2]) {
      await schedules.look(at)
      await eventually(
        async () => (await read(trigger.id)).scheduler.consecutiveFailures === failures || undefined,
      )
      at = new Date(at.getTime() + 10 * MINUTE_MS)
    }
    await schedules.look(at)
    expect(await runsOf(trigger.id)).toHaveLength(2)
    expect(await read(trigger.id)).toMatchObject({
      enabled: false,
      scheduler: { nextRunAt: null, disabledReason: expect.stringContaining('2 runs failed') },
    })
    const { trigger: on } = await tenant.ok('update_trigger', { trigger: trigger.id, enabled: true })
    expect(on.scheduler).toMatchObject({ consecutiveFailures: 0, disabledReason: null })
    expect(Date.parse(on.scheduler.nextRunAt)).toBeGreaterThan(Date.now())
  })

  test('runs by hand besides its timetable', async () => {
    const { trigger } = await create({})
    const { executionIds } = await tenant.ok('run_scheduler', { trigger: trigger.id })
    expect(executionIds).toHaveLength(1)
    expect((await read(trigger.id)).scheduler.nextRunAt).toBe(trigger.scheduler.nextRunAt)
  })

  test('a paused one does not run; a changed timetable counts at once', async () => {
    const { trigger } = await create({ timetable: { type: 'interval', every: 10 } })
    await tenant.ok('update_trigger', { trigger: trigger.id, enabled: false })
    await schedules.look(minutesAfter(trigger.scheduler.nextRunAt, 1))
    expect(await runsOf(trigger.id)).toEqual([])
    const { trigger: changed } = await tenant.ok('update_trigger', {
      trigger: trigger.id,
      enabled: true,
      timetable: { type: 'custom', cron: '30 4 * * 1' },
      timeZone: 'Europe/Warsaw',
    })
    expect(new Date(changed.scheduler.nextRunAt).getUTCDay()).toBe(1)
  })

  test('another name, or the same timetable once more, moves no run', async () => {
    const timetable = { type: 'interval', every: 10 }
    const { trigger } = await create({ timetable })
    await schedules.look(minutesAfter(trigger.scheduler.nextRunAt, 0))
    const { nextRunAt } = (await read(trigger.id)).scheduler
    expect(nextRunAt).not.toBe(trigger.scheduler.nextRunAt)
    const { trigger: changed } = await tenant.ok('update_trigger', {
      trigger: trigger.id,
      name: 'Other',
      enabled: true,
      timetable,
    })
    expect(changed).toMatchObject({ name: 'Other', scheduler: { nextRunAt } })
  })

  test.each([
    [{ timetable: { type: 'custom', cron: '99 * * * *' } }, 'timetable.cron'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ routes: [{ workflow: 'nope' }] }, 'routes.0.workflow'],
  ])('refuses %j, naming the field', async (settings, where) => {
    const { status, body } = await tenant.call('create_scheduler', {
      name: 'Bad',
      timetable: { type: 'daily' },
      routes: [{ workflow: 'job' }],
      ...settings,
    })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(body.where).toBe(where)
  })

  test('a field of webhooks is refused on a scheduler', async () => {
    const { trigger } = await create({})
    const { body } = await tenant.call('update_trigger', {
      trigger: trigger.id,
      verification: { scheme: 'none' },
    })
    expect(body).toMatchObject({ code: 'invalid_input', where: 'verification' })
  })
})
