import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type StreamedEvent, streamEvents } from './event-stream.ts'

/** What is read of a stream that sends this. */
async function read(sent: string): Promise<StreamedEvent[]> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(sent)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const events: StreamedEvent[] = []
  for await (const event of streamEvents({ url, key: 'k' }, 'run_1', 0, new AbortController().signal))
    events.push(event)
  return events
}

test('events are read with their numbers; the one that ends the stream has none', async () => {
  expect(
    await read('id: 1\nevent: step\ndata: {"node":"plan"}\n\n: a comment\n\nevent: end\ndata: {}\n\n'),
  ).toEqual([
    { id: 1, type: 'step', data: { node: 'plan' } },
    { id: undefined, type: 'end', data: {} },
  ])
})

test.each([
  ['data that is no JSON', 'id: 1\ndata: <html>\n\n', 'its data is no JSON'],
  ['no data at all', 'id: 1\ndata:\n\n', 'its data is no JSON'],
  ['a number that is none', 'id: x\ndata: {}\n\n', 'its id is no number'],
  ['a number without end', 'id: 1e400\ndata: {}\n\n', 'its id is no number'],
  ['an event without end', `data: ${'x'.repeat(65 * 1024 * 1024)}`, 'one does not end'],
])('%s is told as what it is', async (_what, sent, problem) => {
  await expect(read(sent)).rejects.toMatchObject({
    code: 'upstream_error',
    message: expect.stringContaining(problem),
    hint: expect.stringContaining('proxy'),
  })
})
