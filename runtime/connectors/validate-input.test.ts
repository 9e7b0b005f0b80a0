import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { cpuMs } from '../../tests/setup/cpu.ts'
import { inputIssues, validateInput } from './validate-input.ts'

const action = {
  slug: 'issues_create',
  inputSchema: {
    type: 'object',
    properties: {
      owner: { type: 'string' },
      title: { type: 'string', pattern: '^(a+)+$' },
      state: { enum: ['open', 'closed'] },
      labels: { type: 'array', items: { $ref: '#/schemas/label' } },
      due: { type: 'string', format: 'made-up' },
    },
    required: ['owner', 'title'],
    additionalProperties: false,
  },
}
const schemas = { label: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } }

const failure = (input: JsonObject): AppError => {
  try {
    validateInput(schemas, action, input)
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected a refusal')
}

test('a good input passes; formats nobody knows are ignored', () => {
  validateInput(schemas, action, {
    owner: 'a',
    title: 'aa',
    state: 'open',
    labels: [{ name: 'x' }],
    due: '?',
  })
})

test('every fault is listed with the field it is about', () => {
  const error = failure({ title: 5, state: 'half', labels: [{}] })
  expect(error.code).toBe('invalid_input')
  expect(error.data?.issues).toEqual([
    { where: 'input.owner', message: 'input.owner is required' },
    { where: 'input.title', message: 'input.title must be string' },
    { where: 'input.state', message: 'input.state must be one of "open", "closed"' },
    { where: 'input.labels[0].name', message: 'input.labels[0].name is required' },
  ])
  expect(error.where).toBe('input.owner')
  expect(error.hint).toContain('Fields: owner, title, state')
})

test('an unknown field is refused, with the one that was probably meant', () => {
  const error = failure({ owner: 'a', title: 't', titel: 'x' })
  expect(error.where).toBe('input.titel')
  expect(error.message).toContain("did you mean 'title'?")
})

test('a pattern that would backtrack for ever is answered at once', () => {
  const startedAt = cpuMs()
  const error = failure({ owner: 'a', title: `${'a'.repeat(20_000)}!` })
  expect(error.message).toContain('input.title must match pattern "^(a+)+$"')
  validateInput(schemas, action, { owner: 'a', title: 'a'.repeat(20_000) })
  expect(cpuMs() - startedAt).toBeLessThan(1_000)
})

test('thousands of patterns with thousands of states do not hold the process', () => {
  const some = (index: number) => ({ pattern: `(x?y?){400}z${index}` })
  const text = { type: 'string', allOf: Array.from({ length: 2_000 }, (_, index) => some(index)) }
  const slow = { slug: 'slow', inputSchema: { type: 'object', properties: { a: text } } }
  const startedAt = cpuMs()
  expect(() => validateInput({}, slow, { a: 'xy'.repeat(5_000) })).toThrow(/(took|takes) more than/)
  expect(cpuMs() - startedAt).toBeLessThan(7_000)
})

test.each(['^[a-z](?!sink_)[a-z]+$', '^(a)\\1$', 'x{2000}', '('])(
  '%s, which cannot be run in linear time, is not enforced',
  (pattern) => {
    const odd = {
      slug: 'odd',
      inputSchema: {
        type: 'object',
        properties: { a: { type: 'string', pattern, not: { pattern } } },
        patternProperties: { [pattern]: { type: 'number' } },
        additionalProperties: false,
      },
    }
    validateInput({}, odd, { a: 'asink_', other: 'text' })
  },
)

test('a name that is not described fits a pattern of names, or is refused', () => {
  const named = {
    slug: 'named',
    inputSchema: {
      type: 'object',
      patternProperties: { '^x-(a+)+$': { type: 'number' } },
      additionalProperties: false,
    },
  }
  validateInput({}, named, { 'x-aa': 1 })
  expect(() => validateInput({}, named, { 'x-aa': 'one' })).toThrow(/must be number/)
  expect(() => validateInput({}, named, { [`x-${'a'.repeat(50)}!`]: 1 })).toThrow(/not a known field/)
})

test('not and if are enforced where all they say is checked, and left to the API elsewhere', () => {
  const conditional = {
    slug: 'x',
    inputSchema: {
      type: 'object',
      properties: {
        kind: { enum: ['card', 'cash'] },
        number: { type: 'string', not: { const: 'none' } },
        link: { type: 'string', not: { format: 'uri' } },
        name: { type: 'string', not: { pattern: '^x' } },
      },
      if: { properties: { kind: { const: 'card' } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['number'] },
    },
  }
  validateInput({}, conditional, { kind: 'cash', link: 'https://a.example' })
  validateInput({}, conditional, { kind: 'card', number: '1' })
  expect(() => validateInput({}, conditional, { kind: 'card' })).toThrow(/input.number is required/)
  expect(() => validateInput({}, conditional, { number: 'none' })).toThrow(/input.number must NOT be valid/)
  expect(() => validateInput({}, conditional, { name: 'xy' })).toThrow(/input.name must NOT be valid/)
})

test('patterns match as JavaScript has them', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Z_.:-]{0,6}\d*$/))
  const patterns = [
    '^[A-Z_.:-]+$',
    '\\d{2,}',
    '^\\w*$',
    '^[^\\s/]+$',
    '^.{1,3}$',
    '\\u0041|\\x42',
    '^(?<n>a|b)?$',
  ]
  fc.assert(
    fc.property(texts, fc.constantFrom(...patterns), (a, pattern) => {
      const schema = {
        slug: 'p',
        inputSchema: { type: 'object', properties: { a: { type: 'string', pattern } } },
      }
      const ours = inputIssues({}, schema, { a }).length === 0
      const odd = /[\r\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/.test(a)
      expect(ours).toBe(odd || new RegExp(pattern, 'u').test(a))
    }),
  )
})

test('a schema that cannot be compiled is named, not a crash', () => {
  const broken = { slug: 'x', inputSchema: { type: 'object', properties: { a: { $ref: 'nowhere#/x' } } } }
  expect(() => validateInput({}, broken, {})).toThrow(/input schema of 'x' cannot be used/)
})

test('alternatives told apart only by pattern or format never refuse good input', () => {
  const text = { type: 'string' }
  const either = {
    slug: 'x',
    inputSchema: {
      type: 'object',
      properties: {
        front: {
          oneOf: [
            { ...text, pattern: '^tmpl_' },
            { ...text, format: 'uri' },
            { ...text, maxLength: 100 },
          ],
        },
        name: { type: 'string', not: { pattern: '^x' } },
        both: { anyOf: [text, { type: 'number' }], oneOf: [text, { type: 'boolean' }] },
      },
    },
  }
  validateInput({}, either, { front: 'tmpl_1', name: 'y', both: 'z' })
  expect(() => validateInput({}, either, { front: 5 })).toThrow(/input.front must be string/)
  expect(() => validateInput({}, either, { both: 5 })).toThrow(/input.both/)
})

test('a schema that says $async is checked like any other, and rejects no promise behind everybody’s back', async () => {
  const rejections: unknown[] = []
  const listen = (reason: unknown) => rejections.push(reason)
  process.on('unhandledRejection', listen)
  const inputSchema = { $async: true, type: 'object', required: ['a'] }
  expect(() => validateInput({}, { slug: 'trap', inputSchema }, {})).toThrow('input.a is required')
  await new Promise((next) => setTimeout(next, 10))
  process.off('unhandledRejection', listen)
  expect(rejections).toEqual([])
})

test('a schema whose references multiply does not hold the process', () => {
  const twice = (name: string) => ({ allOf: [{ $ref: `#/schemas/${name}` }, { $ref: `#/schemas/${name}` }] })
  const bomb = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`s${i}`, twice(`s${i + 1}`)]))
  const startedAt = cpuMs()
  expect(() =>
    validateInput(
      { ...bomb, s60: { type: 'object' } },
      { slug: 'bomb', inputSchema: { $ref: '#/schemas/s0' } },
      {},
    ),
  ).toThrow(/took more than/)
  expect(cpuMs() - startedAt).toBeLessThan(5_000)
})

test('a long list that must not repeat itself does not hold the process', () => {
  const inputSchema = { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }
  const startedAt = cpuMs()
  const a = Array.from({ length: 200_000 }, (_, i) => [i])
  expect(() => validateInput({}, { slug: 'list', inputSchema }, { a })).toThrow(/took more than/)
  expect(cpuMs() - startedAt).toBeLessThan(5_000)
})

test('fields named as what every object inherits are checked as any other: absent is absent', () => {
  const names = ['toString', 'valueOf', 'constructor', 'hasOwnProperty']
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  const optional = { slug: 'odd', inputSchema: { type: 'object', properties, additionalProperties: false } }
  const required = { slug: 'odd', inputSchema: { ...optional.inputSchema, required: names } }
  expect(inputIssues({}, optional, {})).toEqual([])
  expect(inputIssues({}, optional, { toString: 1 })).toHaveLength(1)
  expect(inputIssues({}, required, {}).map(({ where }) => where)).toEqual(
    names.map((name) => `input.${name}`),
  )
  expect(inputIssues({}, required, Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual([])
})
