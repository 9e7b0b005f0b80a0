import { parentPort, workerData } from 'node:worker_threads'
import { toAppError, toErrorBody } from '../../core/errors.ts'
import { type PageText, type ReadOutcome, readHere } from './read-apart.ts'

/** The thread of `readApart`: reads the one page it is given. */
function read(): ReadOutcome {
  try {
    return { result: JSON.stringify(readHere(workerData as PageText)) }
  } catch (cause) {
    return { error: toErrorBody(toAppError(cause)) }
  }
}

parentPort?.postMessage(read())
