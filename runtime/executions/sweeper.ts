import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { finishAttempts, heartbeat, lostExecutions, overdueExecutions } from '../../db/execution-queue.ts'
import { every } from '../queue/every.ts'
import type { ExecutionQueue } from '../queue/execution-queue.ts'
import type { Engine } from './engine.ts'
import { concludeAttempt, lostAttempt } from './outcome.ts'
import type { Versions } from './versions.ts'

const SWEEP_EVERY_MS = 5_000
const HEARTBEAT_EVERY_MS = 3_000
/** How late a queued execution may be before its job is taken for lost. */
const OVERDUE_MS = 4_000
/** How long a worker may be silent before its executions are taken for lost: five missed heartbeats. */
const SILENT_MS = 15_000
const MAX_ROWS = 500

export interface Sweeper {
  /** One round now; `silentMs` as given, e.g. 0 when no other worker can be alive. */
  sweep(silentMs?: number): Promise<void>
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
  engine: Engine
  versions: Versions
  log: Logger
  worker: string
}): Sweeper {
  const { db, queue, engine, log } = deps

  const concludeLost = async (silentMs: number) => {
    const lost = (await lostExecutions(db, silentMs, MAX_ROWS)).filter(
      (row) => !engine.running().includes(row.id),
    )
    if (lost.length === 0) return
    const finished = await Promise.all(
      lost.map(async (row) => {
        const version = await deps.versions(row.workflow_version_id)
        const result = lostAttempt(`The worker '${row.worker}' stopped while it ran attempt ${row.attempt}.`)
        return concludeAttempt(row, version.retry, result, Math.random())
      }),
    )
    await finishAttempts(db, finished)
    log.warn(
      { executions: finished.map(({ id, status }) => ({ id, status })) },
      'executions of a lost worker concluded',
    )
  }

  const sweep = async (silentMs = SILENT_MS) => {
    await concludeLost(silentMs)
    const overdue = await overdueExecutions(db, OVERDUE_MS, MAX_ROWS)
    if (overdue.length > 0) await queue.add(overdue)
  }

  const beat = async () => {
    const ids = engine.running()
    if (ids.length === 0) return
    for (const id of await heartbeat(db, deps.worker, ids)) engine.interrupt(id)
  }

  const timers = [
    every(SWEEP_EVERY_MS, () => sweep(), log, 'sweep'),
    every(HEARTBEAT_EVERY_MS, beat, log, 'heartbeat'),
  ]
  return {
    sweep,
    stop: async () => {
      await Promise.all(timers.map((stop) => stop()))
    },
  }
}
