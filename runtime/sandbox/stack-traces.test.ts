import { afterAll, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { prepareWorkflow } from './prepare.ts'
import { type Bridge, buildSandbox } from './sandbox.ts'
import { jobFor, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const bridge: Bridge = async ({ name, args }) => {
  if (args[1] === 'fail') throw new AppError('upstream_error', 'It is down.', { data: { status: 503 } })
  if (name === 'connectors.page') return { items: [1], next: null, stopped: null }
  return name === 'connectors.call' ? { output: 1, status: 200, headers: {}, durationMs: 1 } : 'value'
}

async function stackOf(source: string): Promise<string[]> {
  const { code } = prepareWorkflow(source, 'sync.ts')
  const result = await sandbox.run({ ...jobFor(workflow('')), code, filename: 'sync.ts' }, bridge)
  if (result.status === 'completed') throw new Error('It completed.')
  return result.error.stack.split('\n').map((line) => line.trim())
}

describe('a stack trace names the line and column of the TypeScript source', () => {
  test.each<[string, string, string[]]>([
    [
      'past types, through async frames',
      `interface Order {
  id: string
}
const check = <T extends Order>(order: T): asserts order is T => {
  if (!order) throw new RangeError('no order')
}
async function load(id: string): Promise<Order> {
  await null
  check(undefined as unknown as Order)
  return { id }
}
export default async (ctx: { input: Order }): Promise<Order> => {
  return await load('x')
}`,
      [
        'RangeError: no order',
        'at check (sync.ts:5:21)',
        'at load (sync.ts:9:3)',
        'at async default (sync.ts:13:10)',
      ],
    ],
    [
      'in the callback of an array',
      `export default async () => {\n  return [3].map((n: number): number => { throw new Error('in map') })\n}`,
      ['Error: in map', 'at sync.ts:2:49', 'at default (sync.ts:2:14)'],
    ],
    [
      'in the callback of a promise',
      `export default async (ctx: any) => ctx.state.get('k').then((v: any) => {\n  v.a.b\n})`,
      ["TypeError: Cannot read properties of undefined (reading 'b')", 'at sync.ts:2:7'],
    ],
    [
      'in one of several promises',
      `export default async (ctx: any) => {
  await Promise.all([1, 2].map(async (n: number) => {
    await ctx.state.get('x')
    if (n === 2) throw new Error('second')
  }))
}`,
      ['Error: second', 'at sync.ts:4:24', 'at async default (sync.ts:2:3)'],
    ],
    [
      'in a getter, a comparator and a generator',
      `class Order {
  get total(): number { return [2, 1].sort((a: number, b: number): number => [...rows()][0] as number)[0]! }
}
function* rows(): Generator<number> {
  throw new Error('row')
}
export default async function sync() {
  return new Order().total
}`,
      [
        'Error: row',
        'at rows (sync.ts:5:9)',
        'at sync.ts:2:82',
        'at get total (sync.ts:2:39)',
        'at sync (sync.ts:8:22)',
      ],
    ],
    [
      'in the call of a connector, made by a function that was awaited',
      `async function push(ctx: any, n: number) {
  await ctx.state.get('a')
  return ctx.connectors.slack.fail({ n })
}
export default async (ctx: any) => {
  await push(ctx, 1)
}`,
      ['UpstreamError: It is down.', 'at push (sync.ts:3:31)', 'at async default (sync.ts:6:3)'],
    ],
    [
      'in a call that is refused before it is made',
      `export default async (ctx: any) => {\n  await ctx.connectors.slack.post({ a: 1n as unknown })\n}`,
      [
        'InvalidInputError: connectors.call: arguments[2].a is a BigInt; return String(value) or Number(value) instead. Pass plain JSON values.',
        'at default (sync.ts:2:30)',
      ],
    ],
    [
      'in the loop over a list',
      `export default async (ctx: any) => {\n  for await (const x of ctx.connectors.slack.list.items({}))\n    (x as any).y.z\n}`,
      ["TypeError: Cannot read properties of undefined (reading 'z')", 'at default (sync.ts:3:18)'],
    ],
    [
      'outside of any function',
      `const top: number = (() => { throw new Error('at the top') })()\nexport default async () => top`,
      ['Error: at the top', 'at sync.ts:1:36', 'at sync.ts:1:62'],
    ],
    [
      'after Windows line ends and characters beyond the basic plane',
      `export default async () => {\r\n  const x: string = '😀'; throw new Error(x)\r\n}`,
      ['Error: 😀', 'at default (sync.ts:2:33)'],
    ],
    [
      'where code is evaluated',
      `export default async () => {\n  eval('\\n\\n null.x')\n}`,
      ["TypeError: Cannot read properties of null (reading 'x')", 'at default (sync.ts:2:3)'],
    ],
    [
      'in what the standard library refuses',
      `export default async () => {\n  const a: string = '{'; JSON.parse(a)\n}`,
      [
        "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
        'at default (sync.ts:2:31)',
      ],
    ],
    [
      'of an error and of what caused it',
      `const inner = (): never => { throw new TypeError('inner') }
export default async () => {
  try { inner() } catch (cause) {
    throw new Error('outer', { cause })
  }
}`,
      [
        'Error: outer',
        'at default (sync.ts:4:11)',
        'Caused by: TypeError: inner',
        'at inner (sync.ts:1:36)',
        'at default (sync.ts:3:9)',
      ],
    ],
    [
      'which a value that is no error has not',
      `export default async () => { throw 'text' as unknown }`,
      ['Error: The workflow threw a string: text (not an Error); throw new Error(…) keeps the stack.'],
    ],
  ])('%s', async (_where, source, stack) => {
    expect(await stackOf(source)).toEqual(stack)
  })

  test('in a chain of calls that is deeper than V8 shows by itself, and in short', async () => {
    const source = `const f = (n: number): number => n === 0 ? (() => { throw new Error('deep') })() : f(n - 1)\nexport default async () => f(15)`
    const stack = await stackOf(source)
    expect(stack).toHaveLength(1 + 1 + 16 + 1)
    expect(stack.at(-1)).toBe('at default (sync.ts:2:28)')
  })

  test('where the syntax is wrong', () => {
    const wrong = `export default async (ctx: any): Promise<void> => {\n  const a: number =\n}`
    expect(() => prepareWorkflow(wrong, 'sync.ts')).toThrow(
      expect.objectContaining({ where: 'line 3, column 1' }),
    )
  })
})

test('an error in a log line shows the workflow’s frames only', async () => {
  const { code } = prepareWorkflow(
    `export default async (ctx: any) => {\n  console.error(new Error('logged'))\n}`,
  )
  const { logs } = await sandbox.run({ ...jobFor(workflow('')), code, filename: 'sync.ts' }, bridge)
  expect(logs.map(({ message }) => message)).toEqual(['Error: logged\n    at default (sync.ts:2:17)'])
})

test('a promise that is rejected before it is awaited can still be caught, and is told of in the log', async () => {
  const source = `export default async (ctx: any) => {
  const [bad, good] = [ctx.connectors.slack.fail({}), ctx.state.get('k')]
  await good
  await ctx.state.get('k')
  try { await bad } catch (error) { return error.code }
}`
  const { code } = prepareWorkflow(source)
  const result = await sandbox.run({ ...jobFor(workflow('')), code, filename: 'sync.ts' }, bridge)
  expect(result).toMatchObject({ status: 'completed', output: 'upstream_error' })
  expect(result.logs.map(({ level, message }) => [level, message])).toEqual([
    ['warn', expect.stringMatching(/rejected while nothing waited for it \(It is down\.\)/)],
  ])
})
