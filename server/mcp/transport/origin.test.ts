import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { buildOriginGuard, type OriginPolicy } from './origin.ts'

let stop: (() => void) | undefined
afterEach(() => stop?.())

/** HTTP status of a request with these headers; 204 means it passed. */
async function statusOf(headers: Record<string, string>, policy?: OriginPolicy): Promise<number | undefined> {
  const allowed = buildOriginGuard(policy)
  const server = createServer((req, res) => {
    if (allowed(req, res)) res.writeHead(204).end()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  stop = () => server.close()
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', headers }, (res) => {
      res.resume()
      resolve(res.statusCode)
    })
    sent.once('error', reject).end()
  })
}

test.each([
  [{ host: 'localhost:8080' }, 204],
  [{ host: '127.0.0.1' }, 204],
  [{ host: '[::1]:3000' }, 204],
  [{ host: 'localhost', origin: 'http://localhost:5173' }, 204],
  [{ host: 'evil.example' }, 403],
  [{ host: 'localhost.evil.example' }, 403],
  [{ host: 'localhost', origin: 'https://evil.example' }, 403],
  [{ host: 'localhost', origin: 'null' }, 403],
])('only localhost passes by default: %j → %i', async (headers, status) => {
  expect(await statusOf(headers)).toBe(status)
})

test('a deployment names its own hosts and the pages that may call it', async () => {
  const policy = { allowedHosts: ['mcp.acme.test'], allowedOrigins: ['app.acme.test'] }
  expect(await statusOf({ host: 'mcp.acme.test', origin: 'https://app.acme.test' }, policy)).toBe(204)
  expect(await statusOf({ host: 'localhost' }, policy)).toBe(403)
  expect(await statusOf({ host: 'mcp.acme.test', origin: 'https://other.test' }, policy)).toBe(403)
})

test("'any' turns one check off and leaves the other", async () => {
  const policy = { allowedHosts: 'any' } as const
  expect(await statusOf({ host: 'whatever.test' }, policy)).toBe(204)
  expect(await statusOf({ host: 'whatever.test', origin: 'https://evil.example' }, policy)).toBe(403)
})
