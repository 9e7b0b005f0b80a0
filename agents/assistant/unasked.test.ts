import { expect, test } from 'vitest'
import type { Acting } from '../acting.ts'
import { mayGoUnasked } from './unasked.ts'

const acting = {} as Acting
const may = (said: string, input: object, tool = 'import_spec') =>
  mayGoUnasked(acting, { tool, input: input as never }, said)

test('what the person named is fetched without asking', async () => {
  const said = 'Import https://api.shop.example/openapi.json, or look at docs.shop.example.'
  expect(await may(said, { url: 'https://api.shop.example/openapi.json' })).toBe(true)
  expect(await may(said, { discover: 'docs.shop.example' })).toBe(true)
  expect(await may(said, { docs: ['https://docs.shop.example/a'] }, 'build_connector')).toBe(true)
})

test.each([
  ['another host', { url: 'https://attacker.example/?read=secret' }],
  ['a host that the named one ends with', { url: 'https://shop.example/x' }],
  ['a host that begins with the named one', { url: 'https://api.shop.example.attacker.example/x' }],
  ['another port', { url: 'https://api.shop.example:8443/x' }],
  ['a name in front of another host', { url: 'https://api.shop.example@attacker.example/x' }],
  ['one of several', { docs: ['https://api.shop.example/a', 'https://attacker.example/b'] }],
  ['what is no address', { discover: 'http://' }],
])('an address the person did not name waits for them: %s', async (_, input) => {
  expect(await may('Import https://api.shop.example/openapi.json.', input)).toBe(false)
})

test('what says where reads go, and what passes for one, waits for the person: descriptions of the model’s making, actions', async () => {
  const said = 'Import https://api.shop.example/openapi.json.'
  const url = 'https://api.shop.example/openapi.json'
  expect(await may(said, { spec: '{}' })).toBe(false)
  expect(await may(said, { files: { 'a.json': '{}' } })).toBe(false)
  expect(await may(said, { url, baseUrl: 'https://attacker.example' })).toBe(false)
  const action = { connector: 'shop', slug: 'look', name: 'Look', path: '/send?to=eve' }
  expect(await may(said, action, 'create_action')).toBe(false)
})
