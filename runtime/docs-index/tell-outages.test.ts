import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildEndpointEmbedder } from './embed-endpoint.ts'
import type { Embedder } from './embedder.ts'
import { refusalTeller, tellOutages } from './tell-outages.ts'

let endpoint: Server
let status: number
/** Called for each request before it is answered. */
let arrived: () => Promise<void>
let embedder: Embedder
let lines: { level: string; fields: object; message: string }[]
const log = {
  info: (fields: object, message: string) => void lines.push({ level: 'info', fields, message }),
  warn: (fields: object, message: string) => void lines.push({ level: 'warn', fields, message }),
}
beforeAll(async () => {
  endpoint = createServer(async (request, response) => {
    for await (const _ of request);
    const answer = status
    await arrived()
    response.writeHead(answer).end(JSON.stringify({ data: [{ index: 0, embedding: [1, 0] }] }))
  })
  await new Promise<void>((listening) => endpoint.listen(0, '127.0.0.1', listening))
})
afterAll(() => endpoint.close())
beforeEach(() => {
  lines = []
  status = 200
  arrived = async () => {}
  const { port } = endpoint.address() as AddressInfo
  const settings = { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'm', apiKey: undefined }
  embedder = tellOutages(buildEndpointEmbedder(settings), log)
})
const ask = (signal = new AbortController().signal) => embedder.embed(['text'], signal)
const fails = async (times: number) => {
  for (let one = 0; one < times; one += 1) await expect(ask()).rejects.toThrow(`status ${status}`)
}
const levels = () => lines.map(({ level }) => level)

test('an outage is told once, however many sources are tried, and once that it is over; so is the next', async () => {
  await ask()
  expect(lines).toEqual([])
  status = 503
  await fails(40)
  expect(lines).toMatchObject([{ level: 'warn', fields: { err: expect.stringContaining('status 503') } }])
  status = 200
  await Promise.all([ask(), ask(), ask()])
  expect(levels()).toEqual(['warn', 'info'])
  status = 401
  await fails(3)
  expect(levels()).toEqual(['warn', 'info', 'warn'])
  expect(lines[2]?.fields).toMatchObject({ hint: expect.stringContaining('API_KEY') })
})

test('an answer that was under way when the endpoint went away does not say that it is back', async () => {
  let answer = () => {}
  const waits = new Promise<void>((resolve) => (answer = resolve))
  const there = new Promise<void>((begun) => {
    arrived = () => {
      begun()
      return waits
    }
  })
  const slow = ask()
  await there
  arrived = async () => {}
  status = 503
  await fails(1)
  answer()
  await slow
  await fails(2)
  expect(levels()).toEqual(['warn'])
})

test('who gives up asking, and texts that are refused, are no outage; a source that is refused is told once', async () => {
  const stopped = AbortSignal.abort()
  await expect(ask(stopped)).rejects.toThrow()
  status = 400
  await fails(2)
  expect(lines).toEqual([])
  const tell = refusalTeller(log)
  const refused = (sourceId: string) => ({ sourceId, open: 1, why: 'status 400' })
  for (let round = 0; round < 3; round += 1) tell([refused('a'), refused('b')])
  tell([refused('c')])
  expect(lines.map(({ fields }) => fields)).toMatchObject([
    { sourceId: 'a' },
    { sourceId: 'b' },
    { sourceId: 'c' },
  ])
})
