import {
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  type JobsOptions,
  Queue,
  type QueueOptions,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { Redis } from 'ioredis'
import type { ClientBase, ClientConfig } from 'pg'
import type { Logger } from '../../core/log.ts'
import type { QueuedExecution } from '../../db/queued-execution.ts'

const SCHEMA = 'bullmq'
const POSTGRES_POOL_SIZE = 4
const CONNECT_TRIES = 30
const CONNECT_RETRY_MS = 1_000
/**
 * How long an idle worker waits before it looks again, in seconds. A notification normally wakes it at once;
 * this bounds the delay when one is missed (seen on the embedded database).
 */
const IDLE_POLL_SECONDS = 1

export const queueNames = ['executions-standard', 'executions-long'] as const
export type QueueName = (typeof queueNames)[number]

/** A run that is due. */
export interface DueRun {
  /** The execution's id; the payload stays in its row. */
  id: string
  /** Which run of it: see ExecutionRow. */
  run: number
}

/**
 * What one job carries: a job tells a worker to take these runs, and is done when it has. Which worker runs what,
 * and whether it is still alive, is in the rows of the executions. Runs that come together share jobs, because a job
 * costs the queue as much as a run costs the rest.
 */
interface JobData {
  runs: DueRun[]
}

/** Runs queued together are spread over so many jobs at least, so that every worker gets its share. */
const SPREAD = 4
const MAX_RUNS = 32
/** Jobs a worker has in hand; those without a place to run wait for one. */
const JOBS_AT_ONCE = 4

/** Who runs what is due. */
export interface Taker {
  /**
   * Resolves when the run is begun, or is somebody else's: to false when it is not to be begun here for now, and has to
   * go back to the queue.
   */
  take(run: DueRun): Promise<boolean>
  /** Resolves when a run can be begun again: nothing is taken until then. */
  hasPlace(): Promise<void>
}

export interface ExecutionQueue {
  /** Adds jobs for executions that may run now, by priority. */
  add(executions: readonly QueuedExecution[]): Promise<void>
  /** Adds a job for each of those whose job may have been lost; of these there is never more than one for a run. */
  addAgain(executions: readonly QueuedExecution[]): Promise<void>
  /** Starts taking jobs; resolves when it does. */
  work(taker: Taker): Promise<void>
  ping(): Promise<void>
  /** Jobs that no worker has in hand. */
  waiting(): Promise<number>
  /** Stops taking jobs and resolves when those in hand are done. */
  stopWork(): Promise<void>
  close(): Promise<void>
}

/** Any constant but that of the migrations. */
const GRANT_LOCK_KEY = 7_241_936

/** Makes or updates the queue's own tables; called while the database is set up. */
export async function prepareQueueSchema(client: ClientBase): Promise<void> {
  await runMigrations(client, SCHEMA)
  // Processes that start together: two that grant at once would fail, "tuple concurrently updated".
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1)', [GRANT_LOCK_KEY])
  await client.query(`GRANT USAGE, CREATE ON SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT ALL ON ALL SEQUENCES IN SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query('COMMIT')
}

/** BullMQ on Redis when there is one, else on the database that holds everything else. */
export function buildExecutionQueue(options: {
  connection: ClientConfig
  redisUrl: string | undefined
  /** What keys in Redis begin with. */
  redisPrefix: string
  log: Logger
}): ExecutionQueue {
  const { log } = options
  const redis =
    options.redisUrl === undefined ? undefined : new Redis(options.redisUrl, { maxRetriesPerRequest: null })
  const factory: (...args: never[]) => IQueueBackend =
    redis === undefined ? createPostgresBackend : createRedisBackend
  const connection = redis ?? {
    ...options.connection,
    schema: SCHEMA,
    max: POSTGRES_POOL_SIZE,
    keepAlive: true,
  }
  const prefix = redis === undefined ? {} : { prefix: options.redisPrefix }
  const onError = (queue: string) => (error: Error) => {
    log.warn({ queue, err: error.message }, 'queue connection error; it reconnects')
  }

  const queues = new Map(
    queueNames.map((name) => {
      const queue = new Queue<JobData>(name, { connection, ...prefix } as QueueOptions, factory as never)
      queue.on('error', onError(name))
      return [name, queue] as const
    }),
  )
  redis?.on('error', onError('redis'))
  const workers: Worker<JobData>[] = []

  /**
   * A worker whose first connection failed would repeat that failure for ever without a pause (BullMQ 6.7 keeps
   * the outcome of the first try), so it takes jobs only once it is connected, and is made anew until it is.
   */
  const startWorker = async (name: QueueName, taker: Taker): Promise<Worker<JobData>> => {
    for (let tries = 1; ; tries += 1) {
      const worker: Worker<JobData> = new Worker<JobData>(
        name,
        async ({ data, opts }) => {
          const taken = await Promise.all(data.runs.map(taker.take))
          const left = data.runs.filter((_run, at) => taken[at] === false)
          if (left.length === 0) return
          // Others may have a place for them: this worker looks on until it has one itself.
          await worker.pause(true)
          try {
            await queues
              .get(name)
              ?.add(JOB, { runs: left }, { ...ONCE, priority: firstOf(opts.priority ?? 2) })
          } catch (error) {
            const { message } = error as Error
            log.warn(
              { queue: name, runs: left.length, err: message },
              'not given back; the sweeper queues them',
            )
          } finally {
            void taker.hasPlace().then(() => {
              if (workers.includes(worker)) worker.resume().catch(onError(name))
            })
          }
        },
        {
          connection,
          ...prefix,
          concurrency: JOBS_AT_ONCE,
          drainDelay: IDLE_POLL_SECONDS,
          autorun: false,
        } as WorkerOptions,
        factory as never,
      )
      worker.on('error', onError(name))
      try {
        await worker.waitUntilReady()
        worker.run().catch(onError(name))
        return worker
      } catch (error) {
        await worker.close(true)
        if (tries === CONNECT_TRIES) throw error
        await new Promise((next) => setTimeout(next, CONNECT_RETRY_MS))
      }
    }
  }

  const put = async (executions: readonly QueuedExecution[], jobsOf: typeof together) => {
    for (const [name, queue] of queues) {
      const due = executions.filter(({ tier }) => (tier === 'long') === (name === 'executions-long'))
      if (due.length > 0) await queue.addBulk(jobsOf(due))
    }
  }

  const each = <T>(fn: (queue: Queue<JobData>) => Promise<T>) => Promise.all([...queues.values()].map(fn))

  return {
    add: (executions) => put(executions, together),
    addAgain: (executions) => put(executions, eachAlone),
    work: async (taker) => {
      for (const name of queueNames) workers.push(await startWorker(name, taker))
    },
    ping: async () => {
      // A question that is asked anew each time: being connected once says nothing of now.
      await each((queue) => queue.getJobCounts('active'))
    },
    waiting: async () => {
      const counts = await each((queue) => queue.getJobCounts('waiting', 'prioritized'))
      return counts.flatMap((of) => Object.values(of)).reduce((sum, n) => sum + n, 0)
    },
    stopWork: async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.close()))
    },
    close: async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.close()))
      await each((queue) => queue.close())
      await redis?.quit()
    },
  }
}

const JOB = 'runs'

interface Job {
  name: string
  data: JobData
  opts: JobsOptions
}

const ONCE: JobsOptions = { removeOnComplete: true, removeOnFail: true }
/**
 * Every priority is two of the queue's: what is given back is taken before the rest of its own, after what is more
 * urgent. (BullMQ's `lifo` does nothing to jobs that have a priority on Redis.)
 */
const optionsOf = (priority: number): JobsOptions => ({ ...ONCE, priority: 2 * priority })
const firstOf = (priority: number): number => (priority % 2 === 0 ? priority - 1 : priority)

const runOf = ({ id, run }: QueuedExecution): DueRun => ({ id, run })

function together(executions: readonly QueuedExecution[]): Job[] {
  const size = Math.min(MAX_RUNS, Math.ceil(executions.length / SPREAD))
  const jobs: Job[] = []
  for (const [priority, alike] of Map.groupBy(executions, (one) => one.priority)) {
    for (let at = 0; at < alike.length; at += size)
      jobs.push({
        name: JOB,
        data: { runs: alike.slice(at, at + size).map(runOf) },
        opts: optionsOf(priority),
      })
  }
  return jobs
}

const eachAlone = (executions: readonly QueuedExecution[]): Job[] =>
  executions.map((execution) => ({
    name: JOB,
    data: { runs: [runOf(execution)] },
    opts: { ...optionsOf(execution.priority), jobId: `${execution.id}-${execution.run}` },
  }))
