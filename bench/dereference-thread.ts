/** A thread that dereferences one file with swagger-parser: what imports in a thread are measured against. */
import { parentPort, workerData } from 'node:worker_threads'
import { dereference } from './dereference.ts'

await dereference(workerData as string)
parentPort?.postMessage('done')
