/**
 * The thread of one import: reading and mapping a large description takes a second or two of nothing else. It
 * answers with JSON text, which is the quickest to hand over, and ends.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { toAppError, toErrorBody } from '../../../core/errors.ts'
import type { ThreadOutcome, ThreadTask } from './import-apart.ts'
import { importSpec } from './import-spec.ts'

const { source, options } = workerData as ThreadTask

async function outcome(): Promise<ThreadOutcome> {
  try {
    return { result: JSON.stringify(await importSpec(source, options)) }
  } catch (error) {
    const known = toAppError(error)
    const cause = known.code === 'internal' ? String((error as Error).stack ?? error) : undefined
    return { error: toErrorBody(known), ...(cause === undefined ? {} : { cause }) }
  }
}

const answer = await outcome()
parentPort?.postMessage(answer)
