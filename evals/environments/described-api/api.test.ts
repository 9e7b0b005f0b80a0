import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiServer, type DescribedApi, startApiServer } from './api.ts'
import { CREDENTIAL } from './credentials.ts'
import { excerptOf } from './document.ts'

const text = readFileSync(new URL('../ledger.openapi.yaml', import.meta.url), 'utf8')
let server: ApiServer
let api: DescribedApi
beforeAll(async () => {
  server = await startApiServer()
  api = await server.serve(excerptOf(text, 100, `${server.origin}/ledger`))
})
afterAll(() => server.close())

const headers = { 'x-ledger-key': CREDENTIAL, 'x-tenant': 't1' }
const ask = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${server.origin}/ledger/api/v2${path}`, { headers, ...init })
  const body = response.status === 204 ? undefined : await response.json()
  return { status: response.status, body, headers: response.headers }
}
const post = (path: string, body: unknown, type = 'application/json') =>
  ask(path, {
    method: 'POST',
    headers: { ...headers, 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const invoice = { customer_id: 'c1', currency: 'EUR', lines: [{ text: 'A', amount: 1 }] }

test('a request that is as described is answered as described, and what was sent is noted', async () => {
  api.arrived()
  expect(await ask('/invoices?limit=2')).toMatchObject({ status: 200, body: { data: [{ id: 'string' }] } })
  expect((await post('/invoices', invoice)).status).toBe(201)
  expect(
    api.arrived().map(({ sent }) => sent.filter((name) => !/x-ledger|accept|sec-|user/.test(name))),
  ).toEqual([
    ['query.limit', 'header.x-tenant'],
    ['header.x-tenant', 'body.customer_id', 'body.currency', 'body.lines'],
  ])
})

test.each([
  ['another path', () => ask('/invoice'), 404],
  ['another method', () => ask('/invoices/i1', { method: 'POST', headers }), 405],
  ['no credential', () => ask('/invoices', { headers: { 'x-tenant': 't1' } }), 401],
  [
    'the credential elsewhere',
    () =>
      ask('/invoices', {
        headers: { ...headers, 'x-ledger-key': '', authorization: `Bearer ${CREDENTIAL}` },
      }),
    401,
  ],
  ['a header missing', () => ask('/invoices', { headers: { 'x-ledger-key': CREDENTIAL } }), 422],
  ['a parameter of another type', () => ask('/invoices?limit=many'), 422],
  ['a parameter that is not known', () => ask('/invoices?page_size=2'), 400],
  ['another content type', () => post('/customers/search', { q: 'a' }), 415],
  ['a value that the enum does not have', () => post('/invoices', { ...invoice, currency: 'eur' }), 422],
  ['a field too many', () => post('/invoices', { ...invoice, colour: 'red' }), 422],
  ['a required field missing', () => post('/invoices', { ...invoice, lines: undefined }), 422],
  ['a body that is no JSON', () => post('/invoices', '{'), 422],
])('%s is refused', async (_what, request, status) => {
  expect((await request()).status).toBe(status)
})

test('a list is given in pages, each leading to the next, the last one short', async () => {
  api.page('GET', '/invoices', { type: 'cursor', name: 'cursor', items: 'data', next: 'next_cursor' })
  const sizes: number[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = (await ask(`/invoices${cursor === '' ? '' : `?cursor=${cursor}`}`)) as {
      body: { data: unknown[]; next_cursor: string | null }
    }
    sizes.push(body.data.length)
    cursor = body.next_cursor
  }
  expect(sizes).toEqual([2, 2, 1])
})
