import { AppError } from '../core/errors.ts'

const SAME_SIGNAL_MS = 500

/**
 * Runs a long-lived program of this process: start it, wait for Ctrl-C or SIGTERM, stop it. A second signal
 * stops at once. Failures to start are told as a person needs them, without a stack.
 */
export async function runUntilStopped(start: () => Promise<{ close(): Promise<void> }>): Promise<void> {
  let running: { close(): Promise<void> }
  try {
    running = await start()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    process.stderr.write(`${error.message}\n${error.hint === undefined ? '' : `${error.hint}\n`}`)
    process.exit(1)
  }
  // npm passes Ctrl-C on to a process that had it from the terminal already: what comes at once is the same one.
  await new Promise<void>((resolve) => {
    let first: number | undefined
    const stop = () => {
      first ??= performance.now()
      if (performance.now() - first > SAME_SIGNAL_MS) process.exit(1)
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  })
  process.stderr.write('Stopping: what is under way may finish (press Ctrl-C again to stop at once)…\n')
  try {
    await running.close()
  } catch (error) {
    process.stderr.write(
      `Stopped, but not cleanly: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.exit(1)
  }
  process.exit(0)
}
