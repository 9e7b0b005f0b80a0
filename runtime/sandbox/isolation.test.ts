import { afterAll, describe, expect, test } from 'vitest'
import { buildSandbox } from './sandbox.ts'
import { echoBridge, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const bridge = echoBridge()
const run = (body: string, isolateKey = 'key') =>
  sandbox.run({ ...jobFor(workflow(body)), isolateKey }, bridge)

describe('a workflow', () => {
  test('finds no globals of an earlier execution with the same key', async () => {
    const body = `const before = [typeof globalThis.left, Array.prototype.left]; globalThis.left = 1; Array.prototype.left = 1; return before`
    expect(outputOf(await run(body, 'same'))).toEqual(['undefined', null])
    expect(outputOf(await run(body, 'same'))).toEqual(['undefined', null])
  })

  test('finds no module state of an earlier execution with the same key', async () => {
    const job = jobFor('let count = 0\nexport default () => ++count')
    expect([outputOf(await sandbox.run(job, bridge)), outputOf(await sandbox.run(job, bridge))]).toEqual([
      1, 1,
    ])
  })

  test('shares nothing with another key running at the same time', async () => {
    const body = (mine: string) =>
      `globalThis.owner = '${mine}'; Object.prototype.owner = '${mine}'; await ctx.state.get('k'); return [globalThis.owner, {}.owner]`
    const results = await Promise.all(['a', 'b', 'a'].map((key) => run(body(key), key)))
    expect(results.map(outputOf)).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['a', 'a'],
    ])
  })

  test('that many customers have is theirs alone, and fails at the same place for each', async () => {
    const source = `const seen = []
const helper = (customer) => {
  seen.push(customer)
  if (seen.length > 0) throw new Error(seen.join())
}
export default async (ctx) => { await ctx.state.get('k'); helper(ctx.input) }`
    const customers = ['a', 'b', 'c', 'd', 'b']
    for (const customer of customers) {
      const job = {
        ...jobFor(source),
        isolateKey: `shared ${customer}`,
        filename: `${customer}.js`,
        input: customer,
      }
      const result = await sandbox.run(job, bridge)
      const stack = result.status === 'failed' ? result.error.stack.split('\n') : []
      expect(stack.slice(0, 2)).toEqual([`Error: ${customer}`, `    at helper (${customer}.js:4:30)`])
    }
  })

  test('gets the answers to its own calls only', async () => {
    const job = jobFor(
      workflow(
        `return Promise.all(Array.from({ length: 20 }, (_, i) => ctx.state.get(ctx.input + ':' + i)))`,
      ),
    )
    const results = await Promise.all(['x', 'y', 'z'].map((input) => sandbox.run({ ...job, input }, bridge)))
    for (const [at, input] of ['x', 'y', 'z'].entries()) {
      expect(results[at] && outputOf(results[at])).toEqual(
        Array.from({ length: 20 }, (_, i) => `${input}:${i}`),
      )
    }
  })
})
