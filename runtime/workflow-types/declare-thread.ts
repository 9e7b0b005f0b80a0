/** The thread that turns connectors' schemas into types, one at a time: a second or so of nothing else for a large one. */
import { parentPort } from 'node:worker_threads'
import { declareConnector, type TypedConnector } from './declare-connector.ts'

parentPort?.on('message', (connector: TypedConnector) => {
  declareConnector(connector).then(
    (types) => parentPort?.postMessage({ types }),
    (error: Error) => parentPort?.postMessage({ failure: error.message }),
  )
})
