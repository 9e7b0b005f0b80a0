import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedDatabase, openEmbedded } from './embedded.ts'

let folder: string
let embedded: EmbeddedDatabase

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-socket-'))
  embedded = await openEmbedded(join(folder, 'data'))
})
afterAll(async () => {
  await embedded.close()
  rmSync(folder, { recursive: true, force: true })
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(embedded.connection)
  await client.connect()
  return client
}

test('queries of many clients at once get their own answers', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, connect))
  const lanes = clients.map(async (client, lane) => {
    for (let round = 0; round < 40; round += 1) {
      const value = `${lane}/${round}`
      const { rows } =
        lane % 2 === 0
          ? await client.query('SELECT $1::text AS v', [value])
          : await client.query('SELECT $1::text AS v, $2::int AS n', [value, round])
      if (rows[0].v !== value) return false
    }
    return true
  })
  expect(await Promise.all(lanes)).toEqual(clients.map(() => true))
  await Promise.all(clients.map((client) => client.end()))
})

test('a transaction is not entered by others, and settings local to it stay in it', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, connect))
  const seen = await Promise.all(
    clients.map(async (client, lane) => {
      await client.query(`BEGIN; SET LOCAL app.lane = '${lane}'`)
      const { rows } = await client.query("SELECT current_setting('app.lane') AS lane")
      await client.query('COMMIT')
      return rows[0].lane === String(lane)
    }),
  )
  expect(seen.every(Boolean)).toBe(true)
  await Promise.all(clients.map((client) => client.end()))
})

test('a client that vanishes inside its transaction leaves nothing locked', async () => {
  const [gone, other] = [await connect(), await connect()]
  gone.on('error', () => undefined)
  await other.query('CREATE TABLE left_open (n int)')
  await gone.query('BEGIN; INSERT INTO left_open VALUES (1)')
  const waiting = other.query('SELECT count(*)::int AS n FROM left_open')
  ;(gone as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  expect((await waiting).rows[0].n).toBe(0)
  await other.end()
})

test('vectors are there to be searched', async () => {
  const client = await connect()
  const { rows } = await client.query("SELECT '[1,2,3]'::vector <-> '[1,2,4]'::vector AS distance")
  expect(rows[0].distance).toBe(1)
  await client.end()
})

test('a notification reaches the client that listens, whoever sent it', async () => {
  const [listener, sender] = [await connect(), await connect()]
  await listener.query('LISTEN news')
  const heard = new Promise((resolve) => listener.once('notification', (message) => resolve(message.payload)))
  await sender.query("SELECT pg_notify('news', 'hello')")
  expect(await heard).toBe('hello')
  await Promise.all([listener.end(), sender.end()])
})

test('a failed statement is an error for its client only', async () => {
  const [wrong, right] = [await connect(), await connect()]
  const [failed, fine] = await Promise.allSettled([
    wrong.query('SELECT nothing_like_it'),
    right.query('SELECT 1 AS one'),
  ])
  expect(failed.status).toBe('rejected')
  expect(fine.status === 'fulfilled' && fine.value.rows[0].one).toBe(1)
  expect((await wrong.query('SELECT 2 AS two')).rows[0].two).toBe(2)
  await Promise.all([wrong.end(), right.end()])
})
