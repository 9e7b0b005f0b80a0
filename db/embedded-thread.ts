/**
 * The embedded database's own thread: Postgres in WebAssembly would otherwise block the event loop that
 * serves requests. Speaks the Postgres protocol on a Unix socket, so everything else uses `pg` as it would
 * with a server.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { buildEmbeddedSocket } from './embedded-socket.ts'

const { dataDir, socketPath } = workerData as { dataDir: string; socketPath: string }
const port = parentPort
if (port === null) throw new Error('embedded-thread.ts runs as a worker thread')

const db = await PGlite.create({ dataDir, extensions: { vector } })
await db.exec('CREATE EXTENSION IF NOT EXISTS vector')
// All connections share this one session and PGlite ignores start-up options, so what BullMQ would set per
// connection is set here once. Our own queries set their path and role per transaction.
await db.exec('SET search_path = bullmq, public')
const socket = buildEmbeddedSocket(db)
await socket.listen(socketPath)
port.postMessage('ready')

port.on('message', async (message) => {
  if (message !== 'close') return
  await socket.close()
  await db.close()
  port.postMessage('closed')
  port.close()
})
