import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { echoBridge, jobFor, outputOf, silentLog } from '../sandbox/testing.ts'
import { compilerOptions } from './check-types.ts'
import { compile } from './compiler.ts'
import { contextTypes } from './context-types.ts'
import { declareConnector } from './declare-connector.ts'
import { globalTypes } from './global-types.ts'

let sandbox: Sandbox
beforeAll(() => {
  sandbox = buildSandbox({ processes: 1, log: silentLog })
})
afterAll(() => sandbox.close())

const declarations = {
  'globals.d.ts': globalTypes,
  'ctx.d.ts': contextTypes,
  'connectors.d.ts': 'interface Connectors { slack: AnyActions }',
}
const problems = async (files: Record<string, string>) =>
  (await compile({ ...declarations, ...files }, compilerOptions, Object.keys(files))).map(({ text }) => text)

/** Members of objects, one level below those given: what the sandbox really has. */
async function insideSandbox(code: string) {
  return outputOf(await sandbox.run(jobFor(`export default async (ctx) => (${code})`), echoBridge()))
}

test('the declarations themselves are sound', async () => {
  const strict = { ...compilerOptions, strict: true, skipLibCheck: false }
  expect(await compile(declarations, strict, Object.keys(declarations))).toEqual([])
})

test('what ctx and fastn have in the sandbox is what is declared, member by member', async () => {
  const real = (await insideSandbox(`(() => {
    const members = (root) => Object.fromEntries(Object.keys(root).map((name) => {
      const value = root[name]
      const known = name === 'connector' || name === 'connectors' || name === 'input' || name === 'headers'
      return [name, known || value === null || typeof value !== 'object' ? [] : Object.keys(value)]
    }))
    return { WorkflowContext: members(ctx), FastnRuntime: members(fastn) }
  })()`)) as Record<string, Record<string, string[]>>
  const code: string[] = []
  for (const [root, members] of Object.entries(real)) {
    // A type with exactly the real members, both ways: one that is missing, or one too many, does not compile.
    const exact = (type: string, names: string[]) =>
      code.push(
        `{ const same: Same<keyof (${type}), ${names.map((name) => `'${name}'`).join(' | ') || 'never'}> = true; void same }`,
      )
    exact(root, Object.keys(members))
    for (const [name, inner] of Object.entries(members)) {
      if (inner.length > 0 && !['customer', 'trigger'].includes(name)) exact(`${root}['${name}']`, inner)
    }
  }
  const same = 'type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : [A, B]) : [A, B]'
  expect(code.length).toBeGreaterThan(15)
  expect(await problems({ 'same.ts': `export {}\n${same}\n${code.join('\n')}` })).toEqual([])
})

test('the globals of the sandbox are known, and those it has not are not', async () => {
  const real = (await insideSandbox('Object.getOwnPropertyNames(globalThis)')) as string[]
  const all = [...real, 'undefined'].filter((name) => name !== 'fastn')
  const used = all.map((name) => `void ${name}`).join('\n')
  expect(await problems({ 'globals.js': `${used}\nvoid fastn\nexport {}` })).toEqual([])
  const absent = [
    ...['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'FinalizationRegistry', 'WeakRef', 'Temporal'],
    ...['setTimeout', 'setInterval', 'queueMicrotask', 'process', 'Buffer', 'require', 'window', 'document'],
    ...[
      'XMLHttpRequest',
      'WebSocket',
      'Headers',
      'Response',
      'Request',
      'AbortController',
      'Blob',
      'FormData',
    ],
  ].filter((name) => !real.includes(name))
  const said = await problems({
    'absent.js': `${absent.map((name) => `void ${name}`).join('\n')}\nexport {}`,
  })
  expect(said).toHaveLength(absent.length)
})

test('methods newer than the sandbox’s engine are not declared', async () => {
  const newer = [
    'Uint8Array.fromBase64',
    'Math.sumPrecise',
    'Iterator.concat',
    'new Map().getOrInsert',
    'new ArrayBuffer(1).resize',
  ]
  const kinds = (await insideSandbox(`[${newer.map((one) => `typeof ${one}`).join(', ')}]`)) as string[]
  const absent = newer.filter((_one, at) => kinds[at] === 'undefined')
  expect(
    await problems({ 'newer.js': `${absent.map((one) => `void ${one}`).join('\n')}\nexport {}` }),
  ).toHaveLength(absent.length)
})

test('schemas that refer to themselves, name types alike, or are no schema at all still make types that compile', async () => {
  const connector = {
    slug: 'odd',
    name: 'Odd */ name',
    description: '',
    schemas: {
      Tree: {
        type: 'object',
        properties: { children: { type: 'array', items: { $ref: '#/schemas/Tree' } } },
      },
      tree: { type: 'object', properties: { leaf: { type: 'boolean' } } },
      'a/b.c': { type: ['string', 'null'] },
      Loop: { $ref: '#/schemas/Loop' },
      Promise: { type: 'object', properties: { Array: { $ref: '#/schemas/Array' } } },
      Array: { enum: [1, 'two', null] },
    },
    others: ['undescribed'],
    actions: ['first', 'delete', 'first_input'].map((slug) => ({
      slug,
      name: slug,
      description: 'Line\nand */ line',
      effect: 'read',
      deprecated: true,
      inputSchema: {
        type: 'object',
        required: ['tree'],
        properties: {
          tree: { $ref: '#/schemas/Tree', description: 'x' },
          lower: { $ref: '#/schemas/tree' },
          odd: { $ref: '#/schemas/a~1b.c' },
          'dash-ed': { $ref: '#/schemas/a/b.c' },
          gone: { $ref: '#/schemas/Gone' },
          file: { $ref: 'file:///etc/passwd' },
          net: { $ref: 'http://127.0.0.1:9/x' },
          loop: { $ref: '#/schemas/Loop' },
          tuple: { type: 'array', prefixItems: [{ type: 'string' }] },
          bool: true,
          either: { anyOf: [{ type: 'string' }, { type: 'object', properties: { n: { const: 3 } } }] },
        },
        anyOf: [{ required: ['lower'] }, { required: ['odd'] }],
      },
      outputSchema: { $ref: '#/schemas/Promise' },
      items: 'Array.deep',
    })),
  }
  const own = `${await declareConnector(connector)}\ninterface Connectors { odd: OddTypes.Actions }`
  expect(await declareConnector(connector)).toBe(own.slice(0, own.indexOf('\ninterface Connectors')))
  expect(own).not.toContain('root:')
  const workflow = `export default async (/** @type {WorkflowContext} */ { connectors: { odd } }) => {
    await odd.first({ tree: { children: [{}] }, gone: 1, file: 2, 'dash-ed': null, tuple: ['a'] })
    await odd.delete({ tree: { child: 1 } })
    await odd.undescribed()
  }`
  const files = { 'connectors.d.ts': own, 'workflow.js': workflow }
  const said = await compile(
    { ...declarations, ...files },
    { ...compilerOptions, skipLibCheck: false },
    Object.keys(files),
  )
  expect(said.map(({ text }) => text)).toEqual([
    expect.stringContaining("'child' does not exist in type 'Tree'"),
  ])
})

test('a check that takes too long, or is not wanted any more, ends with its process', async () => {
  const compilers = () =>
    execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
      .split('\n')
      .filter((args) => args.includes('--api'))
  const never = { ...declarations, 'workflow.js': 'export default 1' }
  const check = (options: object) => compile(never, compilerOptions, ['workflow.js'], options)
  await expect(check({ timeLimitMs: 0 })).rejects.toMatchObject({ code: 'timeout' })
  await expect(check({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
  await expect.poll(compilers).toEqual([])
})
