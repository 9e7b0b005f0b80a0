import './compile-cache.ts'

const { readConfig } = await import('../core/config.ts')
const { runUntilStopped } = await import('./process.ts')
const { startWorker } = await import('./start-worker.ts')

/** A process that only runs queued executions; add as many as there is work for. */
await runUntilStopped(() => startWorker(readConfig(process.env)))
