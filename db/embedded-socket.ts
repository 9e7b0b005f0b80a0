import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'
import { type Frame, FrameReader, isComplete, notificationFrames } from './wire-protocol.ts'

/** What one client wants done without another client in between. */
interface Unit {
  client: Client
  bytes: Uint8Array
}

interface Client {
  socket: Socket
  reader: FrameReader
  /** Frames of a unit that is not whole yet. */
  pending: Buffer[]
  /** Not sent yet. */
  answers: Buffer[]
}

export interface EmbeddedSocket {
  listen(path: string): Promise<void>
  close(): Promise<void>
}

/**
 * Serves one embedded database to any number of clients over the Postgres protocol.
 *
 * PGlite is one session. Its own socket server hands it message by message from whoever sent one, so the Parse of
 * one client can meet the Bind of another. Here a client's messages up to the Sync (or a simple Query) are one
 * unit, run together; and while a transaction is open only the client that began it is served. Notifications,
 * which the session hands to whoever happens to be served, go to every client: those that do not listen ignore them.
 */
export function buildEmbeddedSocket(db: PGlite): EmbeddedSocket {
  const clients = new Set<Client>()
  const units: Unit[] = []
  /** Who began the open transaction. */
  let owner: Client | undefined
  let running = false

  const takeNext = (): Unit | undefined => {
    if (owner === undefined) return units.shift()
    const index = units.findIndex(({ client }) => client === owner)
    return index === -1 ? undefined : units.splice(index, 1)[0]
  }

  const run = async () => {
    if (running) return
    running = true
    try {
      let unit = takeNext()
      while (unit !== undefined) {
        const { client } = unit
        // What the database itself fails at is its client's to know; the others are served on.
        await serve(unit).catch((error: Error) => client.socket.destroy(error))
        unit = takeNext()
        // A client that sends ahead gets its answers together: each write wakes the other thread.
        if (unit?.client !== client) flush(client)
      }
    } finally {
      running = false
    }
  }

  const serve = async ({ client, bytes }: Unit) => {
    const parts: Buffer[] = []
    await db.runExclusive(() =>
      db.execProtocolRawStream(bytes, { onRawData: (data) => parts.push(Buffer.from(data)) }),
    )
    const answer = Buffer.concat(parts)
    client.answers.push(answer)
    announce(client, notificationFrames(answer))
    owner = db.isInTransaction() ? client : undefined
    if (owner !== undefined && !clients.has(owner)) await abandon(owner)
  }

  const flush = (client: Client) => {
    client.socket.write(Buffer.concat(client.answers.splice(0)))
  }

  const announce = (issuer: Client, frames: readonly Buffer[]) => {
    if (frames.length === 0) return
    const bytes = Buffer.concat(frames)
    for (const client of clients) if (client !== issuer) client.socket.write(bytes)
  }

  /** The client went away inside its transaction: nobody will end it, so it is rolled back. */
  const abandon = async (client: Client) => {
    if (owner !== client) return
    await db.exec('ROLLBACK')
    owner = undefined
  }

  const receive = (client: Client, frames: readonly Frame[]) => {
    for (const { kind, bytes } of frames) {
      if (kind === 'ssl') client.socket.write('N')
      else if (kind === 'terminate') client.socket.end()
      else if (kind !== 'cancel') {
        client.pending.push(bytes)
        if (!isComplete(kind)) continue
        units.push({ client, bytes: new Uint8Array(Buffer.concat(client.pending.splice(0))) })
      }
    }
    run().catch((error: Error) => client.socket.destroy(error))
  }

  const forget = async (client: Client) => {
    if (!clients.delete(client)) return
    for (let index = units.length - 1; index >= 0; index -= 1) {
      if (units[index]?.client === client) units.splice(index, 1)
    }
    if (!running) await abandon(client)
    await run()
  }

  const server: Server = createServer((socket) => {
    const client: Client = { socket, reader: new FrameReader(), pending: [], answers: [] }
    clients.add(client)
    socket.setNoDelay(true)
    socket.on('data', (data) => receive(client, client.reader.read(data)))
    // An error is followed by 'close'; a client that goes away is nothing to report.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      forget(client).catch(() => socket.destroy())
    })
  })

  return {
    listen: (path) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(path, resolve)
      }),
    close: async () => {
      for (const { socket } of clients) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
