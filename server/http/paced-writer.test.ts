import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { pacedWriter } from './paced-writer.ts'

/** More than the buffers of both sockets hold. */
const MUCH = 'x'.repeat(32 * 1024 * 1024)

const open: { server: Server; client: Socket }[] = []
afterEach(() => {
  for (const { server, client } of open.splice(0)) {
    client.destroy()
    server.closeAllConnections()
    server.close()
  }
})

/** A client that reads nothing until it is told to, and the response it gets. */
async function connected(): Promise<{ client: Socket; res: ServerResponse; gone: AbortController }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).pause()
  client.on('error', () => undefined)
  open.push({ server, client })
  client.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  return { client, res, gone }
}

test('who reads nothing is let go, and nothing more is written for them', async () => {
  const { res, gone } = await connected()
  await expect(pacedWriter(res, gone.signal, 50)(MUCH)).rejects.toThrow()
  expect([res.destroyed, gone.signal.aborted]).toEqual([true, true])
})

test('who reads late, but within the time, is waited for and gets all of it', async () => {
  const { client, res, gone } = await connected()
  let received = 0
  client.on('data', (chunk) => {
    received += chunk.length
  })
  client.pause()
  const write = pacedWriter(res, gone.signal, 20_000)
  for (const _ of [1, 2]) {
    let waited = true
    const written = write(MUCH).then(() => {
      waited = false
    })
    await new Promise((later) => setTimeout(later, 50))
    expect([waited, res.destroyed]).toEqual([true, false])
    client.resume()
    await written
    client.pause()
  }
  res.end()
  client.resume()
  await once(client, 'end')
  expect(received).toBeGreaterThan(2 * MUCH.length)
})

test('a client that goes while it is waited for ends the wait', async () => {
  const { client, res, gone } = await connected()
  const written = pacedWriter(res, gone.signal, 20_000)(MUCH)
  client.destroy()
  await expect(written).rejects.toThrow()
})
