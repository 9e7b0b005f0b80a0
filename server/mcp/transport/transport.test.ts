import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Connection, connectV1, connectV2, type TestClient } from './test-clients.ts'
import { startTestServer, type TestServer } from './test-kit.ts'

const eras: { era: string; connect: (connection: Connection) => Promise<TestClient> }[] = [
  { era: '2026-07-28, client 2', connect: (connection) => connectV2(connection, 'modern') },
  { era: '2025-11-25, client 2', connect: (connection) => connectV2(connection, 'legacy') },
  { era: '2025-11-25, sdk 1', connect: connectV1 },
]
const stdioProgram = fileURLToPath(new URL('test-stdio-server.ts', import.meta.url))

const open: (TestClient | TestServer)[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})
async function serve(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  const server = await startTestServer(...args)
  open.push(server)
  return server
}

describe.each(eras)('over HTTP ($era)', ({ connect }) => {
  async function client(server: TestServer, token = 'alice'): Promise<TestClient> {
    const connected = await connect({ server: { url: server.url, token } })
    open.push(connected)
    return connected
  }

  test('a client lists tools and calls one with structured output', async () => {
    const alice = await client(await serve())
    expect(await alice.listTools()).toContain('echo')
    expect(await alice.call('echo', { text: 'hi' })).toEqual({ text: 'hi', structured: { text: 'hi' } })
  })

  test('a handler sees who calls', async () => {
    const alice = await client(await serve())
    expect((await alice.call('whoami')).text).toBe('alice')
  })

  test('progress arrives in order, before the result', async () => {
    const alice = await client(await serve())
    const seen: number[] = []
    const result = await alice.call('count', {}, { onprogress: ({ progress }) => void seen.push(progress) })
    expect(result.text).toBe('counted')
    expect(seen).toEqual([1, 2, 3])
  })

  test("cancelling a call aborts the handler's signal", async () => {
    const server = await serve()
    const alice = await client(server)
    const cancel = new AbortController()
    const call = alice.call('wait', {}, { signal: cancel.signal })
    await server.observed.waiting.promise
    cancel.abort()
    await expect(call).rejects.toThrow()
    await server.observed.aborted.promise
  })

  test('a tool asks the user with a form and goes on with the answer', async () => {
    const alice = await client(await serve())
    expect((await alice.call('ask')).text).toBe('Hello, Ada')
  })

  test('a tool sends the user to a page', async () => {
    const alice = await client(await serve())
    expect((await alice.call('connect')).text).toBe('account: accept')
  })

  test('a change of tools is announced to the principals it concerns, and to no one else', async () => {
    const server = await serve()
    const alice = await client(server, 'alice')
    const bob = await client(server, 'bob')
    await vi.waitFor(() => {
      server.endpoint.toolsChanged((caller) => caller?.token === 'alice')
      expect(alice.toolChanges()).toBeGreaterThan(0)
    })
    expect(bob.toolChanges()).toBe(0)
  })

  test('closing lets a call in flight finish, and refuses the next', async () => {
    const server = await serve({ drainMs: 5000 })
    const alice = await client(server)
    const started = Promise.withResolvers<void>()
    const call = alice.call('count', {}, { onprogress: () => started.resolve() })
    await started.promise
    const closed = server.endpoint.close()
    await expect(alice.call('echo', { text: 'late' })).rejects.toThrow(/shutting down|503/)
    expect((await call).text).toBe('counted')
    await closed
  })

  test('closing aborts a call that does not finish in time', async () => {
    const server = await serve({ drainMs: 50 })
    const alice = await client(server)
    const giveUp = new AbortController()
    const call = alice.call('wait', {}, { signal: giveUp.signal }).catch(() => 'failed')
    await server.observed.waiting.promise
    await server.endpoint.close()
    await server.observed.aborted.promise
    giveUp.abort()
    expect(await call).toBe('failed')
  })
})

describe.each(eras)('over stdio ($era)', ({ connect }) => {
  test('a client lists, calls, is asked and told of changes, though the process prints to the console', async () => {
    const alice = await connect({ server: { program: stdioProgram } })
    open.push(alice)
    expect(await alice.listTools()).toContain('echo')
    expect((await alice.call('echo', { text: 'hi' })).structured).toEqual({ text: 'hi' })
    const seen: number[] = []
    await alice.call('count', {}, { onprogress: ({ progress }) => void seen.push(progress) })
    // All three are sent; client 2 drops those it reads in one piece with the result.
    expect(seen[0]).toBe(1)
    expect((await alice.call('ask')).text).toBe('Hello, Ada')
    await vi.waitFor(() => expect(alice.toolChanges()).toBeGreaterThan(0))
  })
})
