/**
 * The limit of the last measure: BullMQ alone on the same backend. An HTTP server adds one job per request,
 * as they come, and a worker of the same concurrency does nothing with each.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { Redis } from 'ioredis'
import { readConfig } from '../core/config.ts'
import { buildLogger } from '../core/log.ts'
import { openDatabase } from '../db/database.ts'
import { prepareQueueSchema } from '../runtime/queue/execution-queue.ts'

const { DATABASE_URL, REDIS_URL, DATA_DIR = '' } = process.env
const db = await openDatabase({
  databaseUrl: DATABASE_URL,
  dataDir: DATA_DIR,
  log: buildLogger('error'),
  prepare: prepareQueueSchema,
})
const connection =
  REDIS_URL === undefined
    ? { ...db.connection, schema: 'bullmq', max: 4, keepAlive: true }
    : new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const factory: (...args: never[]) => IQueueBackend =
  REDIS_URL === undefined ? createPostgresBackend : createRedisBackend
const queue = new Queue('bare', { connection } as QueueOptions, factory as never)
await queue.waitUntilReady()
let done = 0
const worker = new Worker(
  'bare',
  async () => {
    done += 1
  },
  { connection, concurrency: readConfig({}).workerConcurrency } as WorkerOptions,
  factory as never,
)
worker.on('error', (error) => console.error(error.message))

const http = createServer(async (req, res) => {
  if (req.method === 'GET') {
    res.end(String(done))
    return
  }
  let body = ''
  for await (const chunk of req) body += chunk
  await queue.add('job', JSON.parse(body), { removeOnComplete: true })
  res.writeHead(202).end()
})
http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}`))
process.once('SIGTERM', () => process.exit(0))
