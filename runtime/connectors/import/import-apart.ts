import { Worker } from 'node:worker_threads'
import { AppError, type ErrorBody } from '../../../core/errors.ts'
import type { ImportOptions, ImportSource, importSpec } from './import-spec.ts'
import { defaultImportLimits } from './limits.ts'

type Imported = Awaited<ReturnType<typeof importSpec>>

/** What the thread is given. */
export interface ThreadTask {
  source: ImportSource
  options: Omit<ImportOptions, 'signal'>
}

/** What the thread answers: the result as JSON text, or what went wrong. */
export type ThreadOutcome = { result: string } | { error: ErrorBody; cause?: string }

/** Stripe's description, of 3.8 MB, takes 250 MB while it is read. */
const MAX_MEMORY_MB = 1024
const MAX_YOUNG_MEMORY_MB = 64
/** Imports at once in a process; further ones wait for their turn. */
const MAX_AT_ONCE = 2

export interface ApartOptions extends ImportOptions {
  /** Heap of the thread in MB. Default 1024. */
  maxMemoryMb?: number
}

/**
 * `importSpec` in a thread of its own: the process serves other requests meanwhile, and a document that needs
 * more memory or time than there is ends the thread only.
 *
 * @throws AppError what `importSpec` throws; `invalid_input` for a document that needs too much memory,
 * `timeout` and `cancelled`.
 */
export async function importSpecApart(source: ImportSource, options: ApartOptions = {}): Promise<Imported> {
  const { signal, maxMemoryMb = MAX_MEMORY_MB, ...rest } = options
  const release = await turn(signal)
  try {
    const maxMs = rest.limits?.maxMs ?? defaultImportLimits.maxMs
    const outcome = await runThread({ source, options: rest }, { maxMemoryMb, maxMs, signal })
    if ('result' in outcome) return JSON.parse(outcome.result) as Imported
    const { code, message, ...details } = outcome.error
    throw new AppError(code, message, {
      ...details,
      ...(outcome.cause === undefined ? {} : { cause: new Error(outcome.cause) }),
    })
  } finally {
    release()
  }
}

const waiting: (() => void)[] = []
let running = 0

/** Waits until fewer than so many imports run. @returns what gives the turn to the next */
async function turn(signal: AbortSignal | undefined): Promise<() => void> {
  if (signal?.aborted) throw cancelled()
  if (running >= MAX_AT_ONCE) {
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(begin), 1)
        reject(cancelled())
      }
      waiting.push(begin)
      signal?.addEventListener('abort', leave, { once: true })
    })
  } else running += 1
  return () => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next() // the turn is handed on, so that nobody who comes now gets in between
  }
}

function runThread(
  task: ThreadTask,
  bounds: { maxMemoryMb: number; maxMs: number; signal: AbortSignal | undefined },
): Promise<ThreadOutcome> {
  const { maxMemoryMb, maxMs, signal } = bounds
  const thread = new Worker(new URL('./import-thread.ts', import.meta.url), {
    workerData: task,
    env: {},
    resourceLimits: {
      maxOldGenerationSizeMb: maxMemoryMb,
      maxYoungGenerationSizeMb: Math.min(MAX_YOUNG_MEMORY_MB, maxMemoryMb),
    },
  })
  return new Promise<ThreadOutcome>((resolve, reject) => {
    const leave = () => reject(cancelled())
    const timer = setTimeout(() => reject(tooLong(maxMs)), maxMs)
    thread.once('message', resolve)
    thread.on('error', (error: NodeJS.ErrnoException) => reject(broken(error, maxMemoryMb)))
    thread.once('exit', () => reject(broken(undefined, maxMemoryMb)))
    signal?.addEventListener('abort', leave, { once: true })
    if (signal?.aborted) leave()
    const settled = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    }
    thread.once('exit', settled)
  }).finally(() => thread.terminate())
}

const cancelled = () => new AppError('cancelled', 'The import was cancelled.')

const tooLong = (maxMs: number) =>
  new AppError('timeout', `The import took longer than ${maxMs} ms.`, {
    hint: 'Import a part of the document with include.',
    retryable: false,
  })

function broken(error: NodeJS.ErrnoException | undefined, maxMemoryMb: number): AppError {
  if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new AppError(
      'invalid_input',
      `The document needs more than ${maxMemoryMb} MB of memory to be read.`,
      {
        where: 'spec',
        hint: 'Import a smaller document: keep only the paths and schemas you need, or write repeated parts as $ref.',
        cause: error,
      },
    )
  }
  return new AppError('internal', 'The thread that reads the document ended without an answer.', {
    hint: 'Try again; if it keeps failing, report the document to the operator.',
    cause: error,
  })
}
