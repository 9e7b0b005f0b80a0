import { afterAll, expect, test } from 'vitest'
import { buildSandbox } from './sandbox.ts'
import { jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const scopeOf = (name: unknown) => `${String(name).repeat(22)}.0`

/** What it was said to be part of when a call of this name was made. */
async function withinOf(name: string, body: string): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  const result = await sandbox.run(jobFor(workflow(body)), async (call) => {
    if (call.name === name) found.push(call.within)
    if (call.name === 'step.begin') return { done: false, scope: scopeOf(call.args[0]) }
    if (call.name === 'connectors.page')
      return { items: [1, 2, 3], next: String(found.length), stopped: null }
    return null
  })
  outputOf(result)
  return found
}

test('pages that are asked for at once belong to the step that reads the list', async () => {
  const body = `
    const { promise, resolve } = Promise.withResolvers()
    const ticks = async () => { for (let i = 0; i < 50; i++) await null }
    await Promise.all([
      ctx.step('a', async () => {
        const list = ctx.connectors.slack.list.items({})
        await Promise.all([list.next().then(resolve), ...Array.from({ length: 6 }, () => list.next())])
      }),
      ctx.step('b', async () => { await promise; await ticks() }),
    ])`
  expect(await withinOf('connectors.page', body)).toEqual(Array(3).fill(scopeOf('a')))
})

test('code that gets hold of what tells its step can say nothing that could not be one', async () => {
  const body = `
    await ctx.step('a', async () => { await ctx.state.get('k') })
    for (const forged of ['/'.repeat(700), ' ', '\\0', 'a.0', {}]) { \\u0024wr(forged); await ctx.state.get('k').catch(() => 0) }`
  const within = await withinOf('state.get', body)
  expect(new Set(within)).toEqual(new Set([scopeOf('a'), undefined]))
})
