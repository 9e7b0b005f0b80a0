import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { buildEventLog } from './event-log.ts'

const note = (method: string): JSONRPCMessage => ({ jsonrpc: '2.0', method })
const priming = {} as JSONRPCMessage

async function replay(
  log: ReturnType<typeof buildEventLog>,
  session: string,
  after: string,
): Promise<string[]> {
  const sent: string[] = []
  await log.forSession(session).replayEventsAfter(after, {
    send: async (_id, message) => {
      sent.push('method' in message ? message.method : '')
    },
  })
  return sent
}

test('a stream is replayed from the event after the last one seen, without other streams', async () => {
  const log = buildEventLog({ maxEvents: 100, maxBytes: 100_000 })
  const store = log.forSession('s')
  const first = await store.storeEvent('a', priming)
  await store.storeEvent('a', note('one'))
  await store.storeEvent('b', note('other stream'))
  await store.storeEvent('a', note('two'))
  expect(await store.getStreamIdForEventId?.(first)).toBe('a')
  expect(await replay(log, 's', first)).toEqual(['one', 'two'])
})

test("another session's events cannot be reached", async () => {
  const log = buildEventLog({ maxEvents: 100, maxBytes: 100_000 })
  const id = await log.forSession('alice').storeEvent('a', note('secret'))
  expect(await log.forSession('mallory').getStreamIdForEventId?.(id)).toBeUndefined()
  await expect(replay(log, 'mallory', id)).rejects.toThrow()
})

test('the log stays within its number of events and its bytes, dropping the oldest', async () => {
  const log = buildEventLog({ maxEvents: 3, maxBytes: 10_000 })
  const store = log.forSession('s')
  const ids: string[] = []
  for (let index = 0; index < 5; index++) ids.push(await store.storeEvent('a', note(String(index))))
  expect(log.size).toBe(3)
  expect(await store.getStreamIdForEventId?.(ids[1] ?? '')).toBeUndefined()
  expect(await replay(log, 's', ids[2] ?? '')).toEqual(['3', '4'])
  await store.storeEvent('a', { jsonrpc: '2.0', method: 'big', params: { text: 'x'.repeat(20_000) } })
  expect(log.size).toBe(0)
})

test('a session that ended leaves nothing behind', async () => {
  const log = buildEventLog({ maxEvents: 100, maxBytes: 100_000 })
  await log.forSession('a').storeEvent('s', note('one'))
  await log.forSession('b').storeEvent('s', note('two'))
  log.forget('a')
  expect(log.size).toBe(1)
})
