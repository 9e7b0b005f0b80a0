import type { Logger } from '../../core/log.ts'
import { orphans } from '../../db/child-executions.ts'
import type { Database } from '../../db/database.ts'
import { heartbeat, lostExecutions, overdueExecutions, wakeDue } from '../../db/execution-queue.ts'
import { finishRuns } from '../../db/finished-runs.ts'
import { every } from '../queue/every.ts'
import type { ExecutionQueue } from '../queue/execution-queue.ts'
import type { Admission } from './admission.ts'
import type { Engine } from './engine.ts'
import { elapsedMs, type Moment, moment } from './lease.ts'
import { concludeRun, lostRun } from './outcome.ts'
import { nextRun } from './requests.ts'
import type { Versions } from './versions.ts'

const SWEEP_EVERY_MS = 5_000
const HEARTBEAT_EVERY_MS = 3_000
/** How late a queued execution may be before its job is taken for lost. */
const OVERDUE_MS = 4_000
/** While others wait in the queue too, most of what is overdue only waits for its turn. */
const OVERDUE_IN_BACKLOG_MS = 60_000
/** How long a worker may be silent before its executions are taken for lost: five missed heartbeats. */
const SILENT_MS = 15_000
/** Whoever ends a run cancels what it called right after; should that fail, others do it then. */
const LEFT_MS = 15_000
/** Of a process's time, looking for them takes one part of so many at most. */
const LOOK_SHARE = 50
const WAKE_EVERY_MS = 1_000
const TIDY_EVERY_MS = 60_000
/**
 * Whoever has not looked for a while (it was frozen, or the database was away for all) finds everybody silent. It
 * gives the others time to be heard before it judges them.
 */
const HEARING_MS = 1.5 * HEARTBEAT_EVERY_MS
const MAX_ROWS = 500
const TELL_EVERY_MS = 60_000

export interface Sweeper {
  /** One round now; `silentMs` as given, e.g. 0 when no other worker can be alive. */
  sweep(silentMs?: number): Promise<void>
  /** How many executions were found that no worker takes, at the last look: 500 at most. */
  overdue(): number
  stop(): Promise<void>
}

/**
 * Keeps the promise that what was accepted is run: jobs that got lost are queued again, executions of a worker
 * that died are retried or failed with the reason. Any number of processes may sweep at once: queuing is
 * idempotent and an attempt is concluded once.
 */
export function startSweeper(deps: {
  db: Database
  queue: ExecutionQueue
  admission: Admission
  engine: Engine
  versions: Versions
  log: Logger
  worker: string
  /** Does this process run what is queued itself? */
  takes: boolean
}): Sweeper {
  const { db, queue, admission, engine, log } = deps

  let found = 0
  let toldAt: Moment | undefined
  let lookedAt: Moment | undefined
  let lookingSince = moment()
  let orphansSoughtAt = moment()
  let orphansEveryMs = 0
  const othersWereHeard = () => {
    if (lookedAt === undefined || elapsedMs(lookedAt) > SWEEP_EVERY_MS + HEARTBEAT_EVERY_MS)
      lookingSince = moment()
    return elapsedMs(lookingSince) >= HEARING_MS
  }

  const concludeLost = async (silentMs: number) => {
    const askedAt = moment()
    const silent = await lostExecutions(db, silentMs, MAX_ROWS)
    if (silentMs > 0 && elapsedMs(askedAt) > HEARTBEAT_EVERY_MS) {
      // The question was held up, and so may be what others had to say.
      lookingSince = moment()
      log.warn(
        { ms: elapsedMs(askedAt) },
        'the database was slow to say whose workers are silent; asked again later',
      )
      return
    }
    const lost = silent.filter((row) => !engine.running().includes(row.id))
    if (lost.length === 0) return
    const finished = await Promise.all(
      lost.map(async (row) => {
        const version = await deps.versions(row.workflow_version_id)
        const lost = lostRun(`The worker '${row.worker}' stopped while it ran attempt ${row.attempt}.`)
        // Nobody waits for it any more: a caller went with the worker.
        const inline =
          !row.dead_letter &&
          row.run === 1 &&
          row.trigger_id === null &&
          (row.tier === 'instant' || row.parent_step !== null)
        const concluded = concludeRun(row, version, lost, {
          inline,
          handedBack: false,
          random: Math.random(),
        })
        return { ...concluded, heard_at: row.heartbeat_at }
      }),
    )
    const { recorded, woken, freed, left } = await finishRuns(db, finished)
    const again = finished.filter(({ id, status }) => status === 'queued' && recorded.has(id))
    await admission.enqueue([...woken, ...again.map(nextRun)])
    admission.serve(freed)
    await engine.cancelLeft(left)
    log.warn(
      {
        executions: finished.filter(({ id }) => recorded.has(id)).map(({ id, status }) => ({ id, status })),
      },
      'executions of a lost worker concluded',
    )
  }

  const cancelOrphans = async () => {
    if (elapsedMs(orphansSoughtAt) < orphansEveryMs) return
    orphansSoughtAt = moment()
    const found = await orphans(db, LEFT_MS, MAX_ROWS)
    // Where many wait for what they called, it is asked the less often.
    orphansEveryMs = LOOK_SHARE * elapsedMs(orphansSoughtAt)
    await engine.cancelLeft(found)
  }

  const sweep = async (silentMs = SILENT_MS) => {
    if (othersWereHeard() || silentMs === 0) await concludeLost(silentMs)
    await cancelOrphans()
    const backlog = silentMs > 0 && (await queue.waiting()) > 0
    const overdue = await overdueExecutions(db, backlog ? OVERDUE_IN_BACKLOG_MS : OVERDUE_MS, MAX_ROWS)
    lookedAt = moment()
    found = overdue.length
    if (found > 0) await queue.addAgain(overdue)
    if (found > 0 && !deps.takes && (toldAt === undefined || elapsedMs(toldAt) > TELL_EVERY_MS)) {
      toldAt = moment()
      log.warn(
        { executions: found },
        'executions wait and no worker takes them; this server leaves them to workers (PATCHBAY_WORKER_CONCURRENCY is 0): start one with `npm run worker`',
      )
    }
  }

  const beat = async () => {
    const ids = engine.running()
    if (ids.length === 0) return
    const at = moment()
    const mine = new Map((await heartbeat(db, deps.worker, ids)).map((row) => [row.id, row]))
    engine.confirm(mine.keys(), at)
    for (const id of ids) {
      const row = mine.get(id)
      if (row?.cancel_requested === true) engine.interrupt(id, 'cancelled')
      else if (row === undefined && engine.running().includes(id)) engine.interrupt(id, 'lost')
    }
  }

  const wake = async () => {
    await admission.enqueue(await wakeDue(db, MAX_ROWS))
    await admission.look()
  }

  const timers = [
    every(SWEEP_EVERY_MS, () => sweep(), log, 'sweep'),
    every(HEARTBEAT_EVERY_MS, beat, log, 'heartbeat'),
    every(WAKE_EVERY_MS, wake, log, 'wake'),
    every(TIDY_EVERY_MS, admission.tidy, log, 'tidy'),
  ]
  return {
    sweep,
    overdue: () => found,
    stop: async () => {
      await Promise.all(timers.map((stop) => stop()))
    },
  }
}
