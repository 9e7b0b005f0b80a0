import { runInThisContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { prepareWorkflow, validateWorkflow } from './prepare.ts'
import { buildWrapper, wrapModule } from './wrap-module.ts'

function refusal(source: string, filename?: string): AppError {
  try {
    prepareWorkflow(source, filename)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('It was accepted.')
}

describe('preparing a workflow', () => {
  test('JavaScript is kept as it is', () => {
    const source = 'export default async (ctx) => ctx.input // 1 < 2\n'
    expect(prepareWorkflow(source)).toEqual({ code: source, language: 'javascript' })
  })

  test('TypeScript loses its types and nothing moves', () => {
    const source =
      'import type { X } from "x"\ninterface A { b: string }\nexport default async (ctx: A): Promise<A> => {\n  return ctx as A; marker\n}'
    const { code, language } = prepareWorkflow(source, 'a.ts')
    expect(language).toBe('typescript')
    expect(code).not.toMatch(/interface|Promise|import/)
    expect(code).toHaveLength(source.length)
    expect(code.indexOf('marker')).toBe(source.indexOf('marker'))
  })

  test.each([
    [
      'an import',
      'const a = 1\n  import fs from "node:fs"\nexport default () => a',
      'line 2, column 3',
      /ctx\.connectors.*ctx\.fetch/,
    ],
    ['a dynamic import', 'export default async () =>\n  await import("x")', 'line 2, column 9', /ctx\.fetch/],
    ['a re-export', 'export { a } from "x"\nexport default () => 1', 'line 1, column 1', /ctx\.fetch/],
    ['import.meta', 'export default () => import.meta.url', 'line 1, column 22', /in ctx/],
    ['require', 'export default () => {\n  return require("fs")\n}', 'line 2, column 10', /ctx\.connectors/],
    [
      'a timer',
      'export default async () => {\n  await new Promise((r) => setTimeout(r, 9))\n}',
      'line 2, column 28',
      /wait with await ctx.sleep/,
    ],
    ['no default export', 'export const main = () => 1', 'line 1, column 1', /export default async/],
    [
      'a default export that is no function',
      'export default { run() {} }',
      'line 1, column 16',
      /export default async/,
    ],
    ['a generator', 'export default async function* () {}', 'line 1, column 16', /export default async/],
    ['broken syntax', 'export default async () => {\n  const = 5\n}', 'line 2, column 9', /syntax/],
    [
      'an enum',
      'const a: number = 1\n  enum B { C }\nexport default () => a',
      'line 2, column 3',
      /union or const object/,
    ],
  ])('%s is refused with its place and what to do', (_what, source, where, hint) => {
    const error = refusal(source)
    expect(error).toMatchObject({ code: 'invalid_input', where, retryable: false })
    expect(error.hint).toMatch(hint)
  })

  test('a name the workflow defines itself is not mistaken for a missing function', () => {
    expect(validateWorkflow('function require(x) { return x }\nexport default () => require(1)').valid).toBe(
      true,
    )
    expect(validateWorkflow('export default ({ setTimeout }) => setTimeout(1)').valid).toBe(true)
    expect(validateWorkflow('export default (ctx) => ctx.setTimeout(1) + "import x from y"').valid).toBe(true)
  })

  test('code longer than any workflow is refused before it is parsed', () => {
    expect(refusal(`export default () => 1 //${'x'.repeat(600_000)}`).message).toMatch(/600025 characters/)
  })

  test('every issue is listed, in the order of the source', () => {
    const { valid, issues } = validateWorkflow(
      'import a from "a"\nrequire("b")\nexport default async () => { await import("c") }',
    )
    expect(valid).toBe(false)
    expect(issues.map(({ line }) => line)).toEqual([1, 2, 3])
  })
})

describe('connector calls', () => {
  test.each([
    ['member access', 'export default async (ctx) => ctx.connectors.slack.post({})'],
    ['another name for ctx', 'export default async (c) => c.connectors.slack.post({})'],
    ['brackets', 'export default async (ctx) => ctx.connectors["slack"]["post"]({})'],
    ['raw', 'export default async (ctx) => ctx.connectors.slack.raw.post({})'],
    [
      'items',
      'export default async (ctx) => { for await (const m of ctx.connectors.slack.post.items({})) return m }',
    ],
    [
      'pages of an alias',
      'export default async (ctx) => { const { post } = ctx.connectors.slack; return post.pages({}) }',
    ],
    ['collect', 'export default async (ctx) => ctx.connectors.slack.post.collect({}, { maxItems: 5 })'],
    ['optional chaining', 'export default async (ctx) => ctx.connectors.slack?.post?.({})'],
    ['a destructured parameter', 'export default async ({ connectors: { slack: s } }) => s.post({})'],
    [
      'aliases',
      'export default async (ctx) => { const { connectors } = ctx; const s = connectors.slack; const { post } = s; return post({}) }',
    ],
    [
      'fastn',
      'export default async () => [await fastn.connector.slack.post({}), await fastn.connectors.slack.post({})]',
    ],
    ['TypeScript', 'export default async (ctx: Ctx) => (await ctx.connectors.slack.post({})) as Post'],
  ])('are found through %s', (_what, source) => {
    expect(validateWorkflow(source).connectors).toEqual([{ slug: 'slack', action: 'post' }])
  })

  test('are not invented', () => {
    expect(
      validateWorkflow(
        'export default async (ctx) => [other.connectors.a.b(), ctx.state.get("k"), ctx.connectors[x].y(), "ctx.connectors.a.b()"]',
      ).connectors,
    ).toEqual([])
  })
})

/** Its default export; which step the code is part of is nobody's concern. */
const evaluate = async (source: string) => {
  const body = runInThisContext(wrapModule(source).code) as (...given: unknown[]) => Promise<() => unknown>
  return body(
    () => undefined,
    (_step: unknown, value: unknown) => value,
    (callback: unknown) => callback,
  )
}

describe('wrapping a module', () => {
  const statement = fc.constantFrom(
    'const a = 1',
    'export const b = [\n1,\n2]',
    'export function c() { return `x\n` }',
    'export class D {}',
    '// comment',
    ';[1].map(String)',
    'await null',
    'for await (const one of [await null, Array]) await one',
    'try { await Array } catch (none) { await none } finally { await Array }',
    'a: for await (const one of [Array]) { await Array.of(1).map(String); continue a }',
    'await Promise.resolve(1).then((none) => none, Array).finally(() => Array)',
    'if (await null) try { await Array } catch { } else ;',
    'await Array.of(1).map(String).at().then?.(((none) => none, Array))',
    '{ await using none = null; await Array }',
  )
  const main = fc.constantFrom(
    'export default async (ctx) => "MAIN"',
    'export default async function main(ctx) { return "MAIN" }',
    'export default function () { return "MAIN" }',
    'export\ndefault () => "MAIN"',
    'export default (async () => "MAIN")',
    'export/* default */default // (\n (0, (() => "MAIN"))',
    'const m = () => "MAIN"\nexport { m as default }',
  )

  test('keeps every line, tells where each column was, and calls back with the default export', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(statement),
        main,
        fc.uniqueArray(statement),
        async (before, middle, after) => {
          const rest = after.filter((each) => !before.includes(each))
          const source = [...before, middle, ...rest].join('\n')
          const { code, columnOf } = wrapModule(source)
          const wrapped = code.split('\n').slice(1)
          for (const [at, line] of source.split('\n').entries()) {
            const marks = (text = '') =>
              [...text.matchAll(/\b(?:MAIN|Array|none)\b/g)].map(({ index }) => index + 1)
            expect(marks(wrapped[at]).map((column) => columnOf(at + 1, column))).toEqual(marks(line))
          }
          expect(await (await evaluate(source))()).toBe('MAIN')
        },
      ),
      { numRuns: 100 },
    )
  })

  test('survives a workflow that uses the wrapper’s own names', async () => {
    const workflow = await evaluate('const $w = 1, $ww = 2\nexport default () => $w + $ww')
    expect(workflow()).toBe(3)
    // Looking for a name that is free may not take the longer the more of them there are.
    const many = Array.from({ length: 20_000 }, (_, at) => `$w${at || ''}`).join(' ')
    for (const names of [many, `$${'w'.repeat(500_000)}`])
      expect((await evaluate(`export default () => 3 // ${names}`))()).toBe(3)
  })
})

test('workflows that were wrapped lately are not read again, as many as there is room for', () => {
  const wrap = buildWrapper()
  const source = (n: number, length = 0) => `export default () => '${n}${'.'.repeat(length)}'`
  const first = wrap(source(0))
  for (let n = 1; n < 100; n++) wrap(source(n))
  expect(wrap(source(0))).toBe(first)
  const second = wrap(source(1))
  for (let n = 100; n < 199; n++) wrap(source(n))
  expect(wrap(source(1))).toBe(second)
  expect(wrap(source(0))).not.toBe(first)
  for (let n = 0; n < 5; n++) wrap(source(n, 450_000))
  expect(wrap(source(1))).not.toBe(second)
})

describe('code made to hurt', () => {
  const typescript = 'const one: number = 1; export default async (ctx: object) => one'

  test.each([
    ['brackets', `const a: number = ${'('.repeat(100_000)}`],
    ['types', `type A = ${'['.repeat(100_000)}`],
    ['a chain of calls', `export default async (ctx) => ctx${'.a()'.repeat(100_000)}`],
  ])('%s without end are refused, and the next workflow is prepared as ever', (_what, source) => {
    expect(refusal(source).message).toMatch(/nested too deeply/)
    expect(prepareWorkflow(typescript).language).toBe('typescript')
  })

  test('what would be nested too deeply only when it is made ready to run is refused too', () => {
    const deep = (levels: number) =>
      `export default async (ctx) => ${'ctx.then('.repeat(levels)}1${')'.repeat(levels)}`
    let [low, high] = [10, 10_000]
    while (high - low > 5) {
      const middle = (low + high) >> 1
      if (validateWorkflow(deep(middle)).valid) low = middle
      else high = middle
    }
    // Where exactly it ends differs: compiled code of the parser needs less of the stack.
    expect(() => runInThisContext(wrapModule(deep(Math.floor(low * 0.8))).code)).not.toThrow()
    expect(refusal(deep(2 * high)).message).toMatch(/nested too deeply/)
  })

  test('names made of names made of names are read in little memory', () => {
    const names = Array.from(
      { length: 20_000 },
      (_, i) => `const a${i} = ${i === 0 ? 'ctx' : `a${i - 1}`}.b;`,
    )
    const source = `export default async (ctx) => { ${names.join('')} }`
    const before = process.memoryUsage().heapUsed
    expect(validateWorkflow(source)).toMatchObject({ valid: true, connectors: [] })
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(500e6)
  })
})
