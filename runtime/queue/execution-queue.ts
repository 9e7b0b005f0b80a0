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
import type { QueuedExecution } from '../../db/execution-queue.ts'

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

export interface ExecutionJob {
  /** The execution's id; the payload stays in its row. */
  id: string
  /** Which run of it: see ExecutionRow. */
  run: number
}

export interface ExecutionQueue {
  /** Adds jobs of executions that may run now, by priority; one that is already there (same execution and run) is left as it is. */
  add(executions: readonly QueuedExecution[]): Promise<void>
  /** Starts taking jobs, `concurrency` at a time for each queue; resolves when it does. */
  work(handle: (job: ExecutionJob) => Promise<void>, concurrency: number): Promise<void>
  ping(): Promise<void>
  /** Jobs by state, over all queues. */
  counts(): Promise<Record<string, number>>
  /** Stops taking jobs and resolves when those under way are done. */
  stopWork(): Promise<void>
  close(): Promise<void>
}

/** Makes or updates the queue's own tables; called while the database is set up. */
export async function prepareQueueSchema(client: ClientBase): Promise<void> {
  await runMigrations(client, SCHEMA)
  await client.query(`GRANT USAGE, CREATE ON SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT ALL ON ALL SEQUENCES IN SCHEMA ${SCHEMA} TO patchbay_app`)
  await client.query(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} TO patchbay_app`)
}

/** BullMQ on Redis when there is one, else on the database that holds everything else. */
export function buildExecutionQueue(options: {
  connection: ClientConfig
  redisUrl: string | undefined
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
  const onError = (queue: string) => (error: Error) => {
    log.warn({ queue, err: error.message }, 'queue connection error; it reconnects')
  }

  const queues = new Map(
    queueNames.map((name) => {
      const queue = new Queue<ExecutionJob>(name, { connection } as QueueOptions, factory as never)
      queue.on('error', onError(name))
      return [name, queue] as const
    }),
  )
  redis?.on('error', onError('redis'))
  const workers: Worker<ExecutionJob>[] = []

  /**
   * A worker whose first connection failed would repeat that failure for ever without a pause (BullMQ 6.7 keeps
   * the outcome of the first try), so it takes jobs only once it is connected, and is made anew until it is.
   */
  const startWorker = async (
    name: QueueName,
    handle: (job: ExecutionJob) => Promise<void>,
    concurrency: number,
  ): Promise<Worker<ExecutionJob>> => {
    for (let tries = 1; ; tries += 1) {
      const worker = new Worker<ExecutionJob>(
        name,
        (job) => handle(job.data),
        { connection, concurrency, drainDelay: IDLE_POLL_SECONDS, autorun: false } as WorkerOptions,
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

  const each = <T>(fn: (queue: Queue<ExecutionJob>) => Promise<T>) =>
    Promise.all([...queues.values()].map(fn))

  return {
    add: async (executions) => {
      for (const [name, queue] of queues) {
        const jobs = executions.filter(({ tier }) => (tier === 'long') === (name === 'executions-long'))
        if (jobs.length > 0) await queue.addBulk(jobs.map(toJob))
      }
    },
    work: async (handle, concurrency) => {
      for (const name of queueNames) {
        workers.push(await startWorker(name, handle, concurrency))
      }
    },
    ping: async () => {
      // A question that is asked anew each time: being connected once says nothing of now.
      await each((queue) => queue.getJobCounts('active'))
    },
    counts: async () => {
      const totals: Record<string, number> = {}
      for (const counts of await each((queue) => queue.getJobCounts())) {
        for (const [state, n] of Object.entries(counts)) totals[state] = (totals[state] ?? 0) + n
      }
      return totals
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

function toJob(execution: QueuedExecution): { name: string; data: ExecutionJob; opts: JobsOptions } {
  return {
    name: 'execution',
    data: { id: execution.id, run: execution.run },
    opts: {
      jobId: `${execution.id}-${execution.run}`,
      priority: execution.priority,
      removeOnComplete: true,
      removeOnFail: true,
    },
  }
}
