import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Actor, scopeOf } from '../core/actor.ts'
import type { AppError } from '../core/errors.ts'
import type { Tx } from '../db/database.ts'
import { countScheduleOutcomes, fireDueSchedules, setSchedule } from '../db/schedules.ts'
import { lockTrigger } from '../db/triggers.ts'
import { openWorld, type World } from '../tools/connections/testing/world.ts'
import { createScheduler } from '../tools/triggers/create-scheduler.ts'
import { updateTrigger } from '../tools/triggers/update-trigger.ts'
import { createWorkflow } from '../tools/workflows/create-workflow.ts'
import { deleteWorkflow } from '../tools/workflows/delete-workflow.ts'

/** Long enough for a statement to reach the lock it has to wait for. */
const REACH_MS = 300

describe.skipIf(inject('postgresUrl') === null)(
  'transactions that meet at a trigger (needs a Postgres server)',
  () => {
    let world: World
    let owner: Actor
    beforeAll(async () => {
      world = await openWorld('postgres')
      owner = await world.organization()
      await workflow('job')
    })
    afterAll(() => world.close())

    const workflow = async (slug: string): Promise<string> => {
      const code = 'export default async () => 1'
      const made = await world.call<{ workflow: { id: string } }>(owner, createWorkflow, {
        slug,
        name: slug,
        code,
      })
      return made.workflow.id
    }
    const scheduler = async (to = 'job'): Promise<string> => {
      const { trigger } = await world.call<{ trigger: { id: string } }>(owner, createScheduler, {
        name: 'Job',
        timetable: { type: 'daily', time: '03:00' },
        routes: [{ workflow: to }],
      })
      return trigger.id
    }
    const tenant = <T>(work: (tx: Tx) => Promise<T>) => world.db.tenant(scopeOf(owner), work)
    const ownerOf = (triggerId: string) => ({
      triggerId,
      organizationId: owner.organizationId,
      customerId: null,
    })

    test('a scheduler that is changed while a look would switch it off: both come to their end', async () => {
      const id = await scheduler()
      const now = new Date(Date.now() + 48 * 3_600_000)
      const switchOff = () =>
        fireDueSchedules(
          world.db,
          (rows) => ({
            accepted: [],
            advances: [],
            disabled: rows.map(({ trigger_id }) => ({ triggerId: trigger_id, reason: 'test' })),
          }),
          { limit: 10, now },
        )
      const looks = await tenant(async (tx) => {
        await lockTrigger(tx, id)
        const look = switchOff()
        await sleep(REACH_MS)
        await setSchedule(tx, ownerOf(id), { slotAt: now, runAt: now })
        return { look }
      })
      // Left to the change that was under way; the next look finds it.
      expect((await looks.look).disabled).toEqual([])
      expect((await switchOff()).disabled).toEqual([{ triggerId: id, reason: 'test' }])
    })

    test('batches that count the same schedulers in other orders never wait for each other in a circle', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, () => scheduler()))
      const outcomes = ids.map((trigger_id) => ({ trigger_id, succeeded: false, failures: 1 }))
      const rounds = 100
      const count = async (order: typeof outcomes) => {
        for (let round = 0; round < rounds; round += 1)
          await world.db.system(async (tx) => {
            // As a table of many schedulers is read: one by one through its index.
            await tx.run(
              'SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off',
            )
            await countScheduleOutcomes(tx, order)
          })
      }
      await Promise.all([count(outcomes), count(outcomes.toReversed()), count(outcomes)])
      const rows = await tenant((tx) =>
        tx.rows<{ n: number }>('SELECT consecutive_failures AS n FROM schedules WHERE trigger_id = ANY($1)', [
          ids,
        ]),
      )
      expect(rows.map(({ n }) => n)).toEqual(ids.map(() => rounds * 3))
    })

    test('routes that are replaced while their workflow is deleted: both come to their end', async () => {
      const rounds = Array.from({ length: 25 }, (_unused, round) => `doomed-${round}`)
      for (const slug of rounds) {
        await workflow(slug)
        const ids = await Promise.all(Array.from({ length: 4 }, () => scheduler(slug)))
        const changes = ids.map((trigger) =>
          world
            .call(owner, updateTrigger, { trigger, routes: [{ workflow: slug }] })
            .catch((error: AppError) => error.code),
        )
        await world.call(owner, deleteWorkflow, { workflow: slug })
        const refused = (await Promise.all(changes)).filter((outcome) => typeof outcome === 'string')
        expect(refused.filter((code) => code !== 'not_found')).toEqual([])
      }
      const routes = await tenant((tx) =>
        tx.rows("SELECT FROM routes r JOIN workflows w ON w.id = r.workflow_id WHERE w.slug LIKE 'doomed%'"),
      )
      expect(routes).toEqual([])
    })
  },
)
