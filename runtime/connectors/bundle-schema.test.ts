import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import type { JsonSchema } from '../../core/json.ts'
import { bundleSchema } from './bundle-schema.ts'

const schemas: Record<string, JsonSchema> = {
  tree: {
    type: 'object',
    properties: {
      children: { type: 'array', items: { $ref: '#/schemas/tree' } },
      owner: { $ref: '#/schemas/user' },
    },
  },
  user: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  unused: { type: 'string' },
}

test('a bundle holds what is reachable, keeps cycles and compiles on its own', () => {
  const { schema, truncated } = bundleSchema(schemas, { $ref: '#/schemas/tree' })
  expect(truncated).toEqual([])
  expect(Object.keys((schema as { $defs: object }).$defs)).toEqual(['tree', 'user'])
  expect(JSON.stringify(schema)).not.toContain('#/schemas/')
  const validate = new Ajv2020().compile(schema as object)
  expect(validate({ children: [{ owner: { name: 'a' } }] })).toBe(true)
  expect(validate({ children: [{ owner: {} }] })).toBe(false)
})

test('a $ref inside data is data', () => {
  const data = { enum: [{ $ref: '#/schemas/user' }], default: { $ref: '#/schemas/user' } }
  expect(bundleSchema(schemas, data)).toEqual({ schema: data, truncated: [] })
})

test('what does not fit is left out by name, nearest schemas first, and the rest still compiles', () => {
  const big = Object.fromEntries(
    Array.from({ length: 50 }, (_unused, index) => [
      `s${index}`,
      {
        type: 'object',
        description: 'x'.repeat(400),
        properties: { next: { $ref: `#/schemas/s${index + 1}` } },
      },
    ]),
  )
  const { schema, truncated } = bundleSchema(big, { $ref: '#/schemas/s0' }, { maxBytes: 4_000 })
  expect(Buffer.byteLength(JSON.stringify(schema))).toBeLessThan(5_000)
  expect(truncated).toHaveLength(1)
  expect(Object.keys((schema as { $defs: object }).$defs)).toContain('s0')
  expect(JSON.stringify(schema)).toContain('left out here')
  expect(new Ajv2020().compile(schema as object)({ next: 5 })).toBe(false)
})

test('a root that is too large itself is cut by depth', () => {
  const wide = (depth: number): JsonSchema =>
    depth === 0
      ? { type: 'string', description: 'y'.repeat(50) }
      : {
          type: 'object',
          properties: Object.fromEntries(['a', 'b', 'c', 'd'].map((key) => [key, wide(depth - 1)])),
        }
  const { schema, truncated } = bundleSchema({}, wide(6), { maxBytes: 5_000 })
  expect(Buffer.byteLength(JSON.stringify(schema))).toBeLessThan(5_000)
  expect(truncated).toEqual(['(root)'])
})

test('a reference to a schema that is not there accepts any value', () => {
  const { schema } = bundleSchema({}, { type: 'array', items: { $ref: '#/schemas/lost' } })
  expect(new Ajv2020().compile(schema as object)([1, 'a'])).toBe(true)
})
