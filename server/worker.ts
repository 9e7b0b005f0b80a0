import { readConfig } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import { compose } from './compose.ts'
import { runUntilStopped } from './process.ts'

/** A process that only runs queued executions; add as many as there is work for. */
await runUntilStopped(async () => {
  const config = readConfig(process.env)
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
})
