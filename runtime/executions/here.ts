/**
 * Executions that this process runs as soon as they are stored: they spare the queue its part and the database the
 * claim. Only as many as it will get to within moments; all others go to the queue, where every worker can take them.
 */
import type { ExecutionRow } from '../../db/executions.ts'
import type { NewExecution } from '../../db/new-executions.ts'
import type { Slots } from '../queue/slots.ts'
import { type Moment, moment } from './lease.ts'

/** What is taken on beside those that run should begin within so long… */
const AHEAD_MS = 100
const MAX_AHEAD = 100
/** …and goes to the queue after all when it has not begun after so long. */
const PATIENCE_MS = 300
/** How much the last run counts in the mean of how long a run keeps its place. */
const WEIGHT = 0.1

/** The worker to name in a new execution: it starts running there if it gets its places at once. Null: there is no room. */
export type WorkerFor = (execution: Pick<NewExecution, 'tier' | 'status'>) => string | null

export interface Here {
  /**
   * Lets `store` keep new executions, naming this worker in as many as there is room for, and runs here those of them
   * that `startedOf` what was stored.
   */
  storing<T>(
    store: (workerFor: WorkerFor) => Promise<T>,
    startedOf: (stored: T) => readonly ExecutionRow[],
  ): Promise<T>
  /** From now on there is room; until {@link Here.close}. */
  open(): void
  close(): void
  /** Notes how long a run kept its place, in milliseconds. */
  ran(ms: number): void
}

export function buildHere(options: {
  worker: string
  slots: Slots
  concurrency: number
  /** Runs one once it has a place, within `patienceMs`; else it goes to the queue. */
  run(execution: ExecutionRow, claimedAt: Moment, patienceMs: number): Promise<void>
}): Here {
  const { worker, slots, concurrency } = options
  let works = false
  /** Offered or stored, and without a place so far. */
  let ahead = 0
  let meanMs = AHEAD_MS

  /** What came earlier goes first: runs of the queue that wait here, and those given back for want of a place. */
  const hasRoom = () =>
    works &&
    !slots.wanted() &&
    Math.max(ahead, slots.waiting()) <
      slots.free() + Math.min(MAX_AHEAD, Math.floor((AHEAD_MS * concurrency) / meanMs))

  return {
    open: () => {
      works = true
    },
    close: () => {
      works = false
    },
    ran: (ms) => {
      meanMs += WEIGHT * (ms - meanMs)
    },
    storing: async (store, startedOf) => {
      const claimedAt = moment()
      let offered = 0
      let started: readonly ExecutionRow[] = []
      try {
        const stored = await store(({ tier, status }) => {
          if (status !== 'queued' || tier === 'long' || !hasRoom()) return null
          offered += 1
          ahead += 1
          return worker
        })
        started = startedOf(stored)
        return stored
      } finally {
        ahead -= offered - started.length
        for (const row of started) {
          void options.run(row, claimedAt, PATIENCE_MS).finally(() => {
            ahead -= 1
          })
        }
      }
    },
  }
}
