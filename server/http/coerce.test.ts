import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { fromText, fromTexts } from './coerce.ts'
import type { Schema } from './tool-schema.ts'

const schema = (type: z.ZodType): Schema =>
  z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema

test.each([
  ['5', z.string(), '5'],
  ['null', z.string().nullable(), 'null'],
  ['5', z.number(), 5],
  ['-1.5e3', z.number(), -1500],
  ['5', z.coerce.number().int().default(50), 5],
  ['0x10', z.number(), '0x10'],
  ['', z.number(), ''],
  ['true', z.boolean(), true],
  ['yes', z.boolean(), 'yes'],
  ['', z.number().nullable(), null],
  ['b', z.enum(['a', 'b']), 'b'],
  ['2', z.literal([1, 2]), 2],
  ['1', z.array(z.number()), [1]],
  ['[1,2]', z.array(z.number()), [1, 2]],
  ['{"a":1}', z.object({ a: z.number() }), { a: 1 }],
  ['{"a":', z.object({ a: z.number() }), '{"a":'],
  ['{"a":1}', z.unknown(), { a: 1 }],
  ['plain', z.unknown(), 'plain'],
  ['null', z.unknown(), null],
  ['5', z.union([z.string(), z.number()]), '5'],
] as const)('%j for %o', (text, type, value) => {
  expect(fromText(text, schema(type))).toEqual(value)
})

test('a parameter given several times is a list', () => {
  expect(fromTexts(['1', '2'], schema(z.array(z.number())))).toEqual([1, 2])
  expect(fromTexts(['a', 'b'], schema(z.array(z.string()).nullable()))).toEqual(['a', 'b'])
  // The tool then says that it wants one.
  expect(fromTexts(['a', 'b'], schema(z.string()))).toEqual(['a', 'b'])
})

test('what is written as text comes back as it was, whatever the type', () => {
  const roundTrip = (type: z.ZodType, arbitrary: fc.Arbitrary<unknown>) =>
    fc.assert(
      fc.property(arbitrary, (value) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        expect(fromText(text, schema(type))).toEqual(value)
      }),
    )
  roundTrip(z.string(), fc.string())
  roundTrip(
    z.number(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
  )
  roundTrip(z.boolean(), fc.boolean())
  roundTrip(
    z.array(z.unknown()),
    fc.array(fc.jsonValue()).map((v) => JSON.parse(JSON.stringify(v))),
  )
  roundTrip(
    z.record(z.string(), z.unknown()),
    fc.dictionary(fc.string(), fc.integer()).map((v) => JSON.parse(JSON.stringify(v))),
  )
})
