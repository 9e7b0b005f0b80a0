import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import { compose, type Platform } from './compose.ts'

/**
 * What of a server runs queued executions, and no door.
 * @throws AppError `misconfigured` where such a process has nothing to do
 */
export async function startWorker(config: Config): Promise<Platform> {
  if (config.databaseUrl === undefined) {
    throw new AppError('misconfigured', 'A worker of its own needs a Postgres server: set DATABASE_URL.', {
      hint: 'With the embedded database the server runs the executions itself; just use npm start.',
    })
  }
  if (config.workerConcurrency === 0) {
    throw new AppError('misconfigured', 'PATCHBAY_WORKER_CONCURRENCY is 0: a worker that runs nothing.', {
      hint: 'That setting is for servers that leave executions to workers; give the workers another one, e.g. 50.',
    })
  }
  const platform = await compose(config)
  await platform.startWork()
  platform.log.info({ concurrency: config.workerConcurrency }, 'worker started')
  return platform
}
