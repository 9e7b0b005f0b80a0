import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import type { AppError } from '../../../core/errors.ts'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { defaultImportLimits } from './limits.ts'
import { parseText } from './parse.ts'

const read = (text: string) => {
  const warnings: string[] = []
  const value = parseText(text, 'spec', defaultImportLimits, (where, message) =>
    warnings.push(`${where} ${message}`),
  )
  return { value, warnings }
}

const refusal = (text: string): AppError => {
  try {
    read(text)
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected a refusal')
}

test('YAML of any values is read as the specification of YAML 1.2 has it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      const text = `---\n${stringify(value)}`
      expect(read(text).value).toEqual(parse(text))
    }),
  )
})

test.each([
  ['no: yes', { no: 'yes' }],
  ['on: 2024-01-02', { on: '2024-01-02' }],
  [
    'a: 012\nb: 0o17\nc: 0x1F\nd: 1e3\ne: .inf',
    { a: 12, b: 15, c: 31, d: 1000, e: Number.POSITIVE_INFINITY },
  ],
  ['a: ~\nb: null\nc:\nd: "null"', { a: null, b: null, c: null, d: 'null' }],
  ['version: 1.10\ntext: "1.10"', { version: 1.1, text: '1.10' }],
])('%j is read by the core schema, not by that of YAML 1.1', (text, expected) => {
  expect(read(text).value).toEqual(expected)
})

test('aliases and merges are expanded', () => {
  expect(read('base: &b {x: 1}\none:\n  <<: *b\n  y: 2\ntwo: *b').value).toEqual({
    base: { x: 1 },
    one: { x: 1, y: 2 },
    two: { x: 1 },
  })
})

test('of two equal keys the last counts, and that is said with the line', () => {
  expect(read('a: 1\nb: 2\na: 3')).toEqual({
    value: { a: 3, b: 2 },
    warnings: ["spec:3 The key 'a' appears twice in one mapping; the last value is used."],
  })
})

test.each(['a:\n  __proto__: {x: 1}\n  b: 1', '{"a": {"__proto__": {"x": 1}, "b": 1}}'])(
  'a key named __proto__ is taken out and touches no prototype: %j',
  (text) => {
    const { value, warnings } = read(text)
    expect(value).toEqual({ a: { b: 1 } })
    expect(Object.keys((value as { a: object }).a)).toEqual(['b'])
    expect(Object.getPrototypeOf((value as { a: object }).a)).toBe(Object.prototype)
    expect(warnings).toEqual(["spec A key named '__proto__' was left out."])
    expect(({} as { x?: number }).x).toBeUndefined()
  },
)

test('aliases that multiply are refused in moments, also where they hide in merges', () => {
  const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  const merges = ['m0: &m0 {k: v}']
  for (let level = 1; level < 30; level += 1) {
    const ten = (name: string) => Array.from({ length: 10 }, () => `*${name}${level - 1}`).join(', ')
    laughs.push(`a${level}: &a${level} [${ten('a')}]`)
    merges.push(`m${level}: &m${level}\n  k${level}: [${ten('m')}]\n  <<: *m${level - 1}`)
  }
  const startedAt = cpuMs()
  for (const text of [laughs, merges]) expect(refusal(text.join('\n')).message).toContain('aliases')
  expect(cpuMs() - startedAt).toBeLessThan(2_000)
})

test.each([
  ['JSON lists', '{"a":'.concat('['.repeat(500_000))],
  ['JSON objects', '{"a":'.repeat(100_000).concat('1', '}'.repeat(100_000))],
  ['YAML flow lists', 'a: '.concat('['.repeat(100_000), ']'.repeat(100_000))],
  ['YAML blocks', Array.from({ length: 2_000 }, (_unused, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['YAML sequences', `${'- '.repeat(50_000)}a`],
])('%s nested without end are refused in moments', (_what, text) => {
  const startedAt = cpuMs()
  expect(refusal(text).message).toMatch(/levels deep|ends early/)
  expect(cpuMs() - startedAt).toBeLessThan(5_000)
})
