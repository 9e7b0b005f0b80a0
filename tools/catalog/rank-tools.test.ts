import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { AnyTool } from '../define-tool.ts'
import { loadTools } from '../registry.ts'
import { rankTools } from './rank-tools.ts'

const { all } = await loadTools()
const found = (wish: string) => rankTools(all, wish).map(({ name }) => name)

test.each([
  ['erase the tenant', 'delete_customer'],
  ['which tenants are there?', 'list_customers'],
  ['dump the integration definition as JSON', 'export_connector'],
  ['the notifications to our backend should pause', 'update_webhook_endpoint'],
])('is found in a person’s own words: %s', (wish, tool) => {
  expect(found(wish).slice(0, 3)).toContain(tool)
})

test.each([
  ['craete a conection', 'create_connection'],
  ['rolback the workflwo', 'rollback_workflow'],
  ['deploy workf', 'deploy_workflow'],
  ['run the schedul', 'run_scheduler'],
])('misspelt and half-written words are found: %s', (wish, tool) => {
  expect(found(wish).slice(0, 5)).toContain(tool)
})

test('a question finds what reads, a command what changes', () => {
  const effect = (wish: string) => rankTools(all, wish)[0]?.effect
  expect(effect('Which version is live in production?')).toBe('read')
  expect(effect('Make this version live in production.')).not.toBe('read')
})

test('words of JavaScript’s own objects, and none at all, are no trouble', () => {
  for (const wish of ['constructor', '__proto__', 'toString hasOwnProperty', '***', 'the of'])
    expect(() => found(wish)).not.toThrow()
  expect(found('***')).toEqual([])
})

test('what is not given is not found', () => {
  const few = all.filter(({ toolset }) => toolset === 'customers') as AnyTool[]
  expect(rankTools(few, 'deploy the workflow of a customer').every((tool) => few.includes(tool))).toBe(true)
})

test('of the wishes it was made with, half find their tool first and nine in ten among ten', () => {
  const { wishes } = JSON.parse(
    readFileSync(new URL('../../bench/questions/tools.json', import.meta.url), 'utf8'),
  ) as { wishes: { tools: string[]; says: string[] }[] }
  const ranks = wishes.flatMap(({ tools, says }) =>
    says.map((wish) => found(wish).findIndex((name) => tools.includes(name))),
  )
  const share = (place: number) => ranks.filter((at) => at >= 0 && at < place).length / ranks.length
  expect(share(1)).toBeGreaterThanOrEqual(0.5)
  expect(share(10)).toBeGreaterThanOrEqual(0.88)
})
