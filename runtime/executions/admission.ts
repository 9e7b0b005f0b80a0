import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { admitDue, admitWaiting, lanesToServe } from '../../db/lane-admission.ts'
import { deleteIdleLanes, repairLanes } from '../../db/lane-upkeep.ts'
import type { QueuedExecution } from '../../db/queued-execution.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { ExecutionQueue } from '../queue/execution-queue.ts'

const MAX_BATCH = 200
const MAX_LANES = 1_000
/** What is due later than this is found when the process looks for what is due, once a second. */
const MAX_TIMER_MS = 10_000

/** From the database, where what is accepted waits, to the queue, where workers take it. */
export interface Admission {
  /**
   * Queues executions that have their places, and gets those for the others when they are due. All of them are
   * committed: a queue or database that does not answer only delays them until somebody looks again.
   */
  enqueue(executions: readonly QueuedExecution[]): Promise<void>
  /** Gives places that became free in these lanes to those that wait there. */
  serve(lanes: readonly string[]): void
  /** Puts counts right that a deletion left wrong, and clears away lanes nobody is in. */
  tidy(): Promise<void>
  /** Looks for what is due, and for places that nobody gave on because whoever should have has died. */
  look(): Promise<void>
  /** Resolves when nothing is under way; timers are let go of. */
  settled(): Promise<void>
}

export function buildAdmission(deps: { db: Database; queue: ExecutionQueue; log: Logger }): Admission {
  const { db, queue, log } = deps
  const timers = new Set<NodeJS.Timeout>()
  const free = new Set<string>()
  let serving: Promise<void> | undefined

  /** What is queued one by one goes to the queue together too. */
  const puts = buildBatcher<readonly QueuedExecution[], void>(async (lists) => {
    await queue.add(lists.flat())
    return lists.map(() => undefined)
  }, MAX_BATCH)

  const put = async (admitted: readonly QueuedExecution[]): Promise<void> => {
    if (admitted.length === 0) return
    await puts
      .add(admitted)
      .catch((error: Error) =>
        log.warn(
          { executions: admitted.length, err: error.message },
          'jobs not queued; the sweeper will queue them',
        ),
      )
  }

  /** Of executions woken one by one, many ask for their places together. */
  const due = buildBatcher<string, void>(async (ids) => {
    await put(await admitDue(db, { ids, limit: ids.length }))
    return ids.map(() => undefined)
  }, MAX_BATCH)

  const ask = (id: string) =>
    due
      .add(id)
      .catch((error: Error) =>
        log.warn({ execution: id, err: error.message }, 'not admitted; it is when somebody looks again'),
      )

  const later = ({ id, delay_ms }: QueuedExecution) => {
    if (delay_ms > MAX_TIMER_MS) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      void ask(id)
    }, delay_ms)
    timers.add(timer)
  }

  const serveAll = async () => {
    while (free.size > 0) {
      const lanes = [...free].slice(0, MAX_LANES)
      for (const lane of lanes) free.delete(lane)
      const { admitted, again } = await admitWaiting(db, lanes)
      for (const lane of again) free.add(lane)
      await put(admitted)
    }
  }

  const serve = (lanes: readonly string[]) => {
    for (const lane of lanes) free.add(lane)
    if (free.size === 0) return
    serving ??= serveAll()
      .catch((error: Error) =>
        log.warn({ err: error.message }, 'free places not given on; they are when somebody looks again'),
      )
      .finally(() => {
        serving = undefined
      })
  }

  return {
    enqueue: async (executions) => {
      const now = executions.filter(({ admission }) => admission === 'admitted')
      const others = executions.filter(({ admission }) => admission === 'later')
      for (const one of others) if (one.delay_ms > 0) later(one)
      await Promise.all([
        put(now),
        ...others.filter(({ delay_ms }) => delay_ms <= 0).map(({ id }) => ask(id)),
      ])
    },
    serve,
    look: async () => {
      await put(await admitDue(db, { ids: null, limit: MAX_LANES }))
      serve(await lanesToServe(db, MAX_LANES))
    },
    tidy: async () => {
      const wrong = await repairLanes(db)
      if (wrong.length > 0) log.warn({ lanes: wrong }, 'counts of lanes put right')
      serve(wrong)
      await deleteIdleLanes(db)
    },
    settled: async () => {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      await due.idle()
      await serving
      await puts.idle()
    },
  }
}
