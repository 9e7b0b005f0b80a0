/** The thread that turns one connector's schemas into types: a second or so of nothing else for a large one. */
import { parentPort, workerData } from 'node:worker_threads'
import { declareConnector, type TypedConnector } from './declare-connector.ts'

parentPort?.postMessage(await declareConnector(workerData as TypedConnector))
