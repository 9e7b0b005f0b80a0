import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../core/actor.ts'
import { openWorld, type World } from '../tools/connections/testing/world.ts'
import { createAction } from '../tools/connectors/create-action.ts'
import { createConnector } from '../tools/connectors/create-connector.ts'
import { runAction } from '../tools/connectors/run-action.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

let world: World
let owner: Actor
let app: Upstream

beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
  app = await startUpstream()
  app.answer = () => ({ status: 200, body: { items: [1, 2], cursor: 'on-and-on' } })
  await world.call(owner, createConnector, {
    name: 'App',
    slug: 'app',
    baseUrl: app.url,
    authMethods: [{ slug: 'none', type: 'no_auth', name: 'None' }],
  })
  await world.call(owner, createAction, {
    connector: 'app',
    slug: 'list',
    name: 'List',
    method: 'GET',
    path: '/list',
    effect: 'read',
    parameters: [
      { name: 'shop', in: 'query', inputKey: 'shop', required: true },
      { name: 'cursor', in: 'query', inputKey: 'cursor' },
    ],
    inputSchema: {
      type: 'object',
      // The app's own cursor does not fit what its description says of it.
      properties: { shop: { enum: ['north', 'south'] }, cursor: { type: 'string', maxLength: 2 } },
      required: ['shop'],
      additionalProperties: false,
    },
    pagination: { type: 'cursor', parameter: 'cursor', next: 'cursor', items: 'items' },
  })
})
afterAll(async () => {
  await world.close()
  await app.close()
})

test('a genuine `next` does not carry an input past the schema that it was not made for', async () => {
  const page = (input: object, next?: string) => ({
    connector: 'app',
    action: 'list',
    input,
    collect: { maxPages: 1, ...(next === undefined ? {} : { next }) },
  })
  const { collected } = await world.call<{ collected: { next: string } }>(
    owner,
    runAction,
    page({ shop: 'north' }),
  )
  app.received.length = 0
  for (const input of [{ shop: 'east' }, { shop: 'north', extra: 1 }, {}]) {
    const { code } = await world.refused(owner, runAction, page(input, collected.next))
    expect([input, code]).toEqual([input, 'invalid_input'])
  }
  expect(app.received).toEqual([])
  await world.call(owner, runAction, page({ shop: 'north' }, collected.next))
  expect(app.received.map(({ path }) => path)).toEqual(['/list?shop=north&cursor=on-and-on'])
})
