import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../definition.ts'
import { directReferences } from '../json-schema.ts'
import { importSpec } from './index.ts'
import { splitDirections } from './split-directions.ts'

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const json = (schema: object) => ({ content: { 'application/json': { schema } } })

test('read-only properties leave the input and write-only ones the output, deep inside and in cycles too', async () => {
  const { definition } = await importSpec({
    text: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'T', version: '1' },
      paths: {
        '/orders': {
          post: {
            requestBody: json({
              type: 'object',
              properties: { lines: { type: 'array', items: reference('Line') } },
            }),
            responses: { 200: { description: '', ...json(reference('Line')) } },
          },
        },
      },
      components: {
        schemas: {
          Line: {
            type: 'object',
            properties: {
              id: { type: 'string', readOnly: true },
              secret: { type: 'string', writeOnly: true },
              amount: reference('Amount'),
              parts: { type: 'array', items: reference('Line') },
            },
          },
          Amount: { type: 'object', properties: { value: { type: 'number' } } },
          Unused: { type: 'object' },
        },
      },
    }),
  })
  const [action] = definition.actions
  expect(action?.inputSchema.properties).toEqual({
    lines: { type: 'array', items: { $ref: '#/schemas/Line_input' } },
  })
  expect(action?.outputSchema).toEqual({ $ref: '#/schemas/Line' })
  const keys = (name: string) => Object.keys((definition.schemas[name] as { properties: object }).properties)
  expect(Object.keys(definition.schemas).sort()).toEqual(['Amount', 'Line', 'Line_input'])
  expect(keys('Line')).toEqual(['id', 'amount', 'parts'])
  expect(keys('Line_input')).toEqual(['secret', 'amount', 'parts'])
  expect(JSON.stringify(definition.schemas.Line_input)).toContain('#/schemas/Line_input')
})

const NAMES = ['A', 'B', 'C', 'D']
const property = fc.oneof(
  fc.constantFrom(...NAMES).map((name) => ({ $ref: `#/schemas/${name}` })),
  fc.record({ type: fc.constant('string'), readOnly: fc.boolean(), writeOnly: fc.boolean() }),
)
const schema = fc
  .dictionary(fc.constantFrom('a', 'b', 'c'), property, { maxKeys: 3 })
  .map((properties) => ({ type: 'object', properties }))

test('whatever the schemas: inputs reach nothing read-only, outputs nothing write-only, and no reference dangles', () => {
  fc.assert(
    fc.property(
      fc.tuple(schema, schema, schema, schema),
      fc.tuple(schema, schema),
      (shared, [input, output]) => {
        const schemas = Object.fromEntries(NAMES.map((name, index) => [name, shared[index] as JsonSchema]))
        const action = { inputSchema: input, outputSchema: output } as unknown as ActionDefinition
        const result = splitDirections([action], [], schemas)
        const check = (root: JsonSchema | undefined, hidden: string) => {
          const seen = directReferences(root ?? true)
          const visited = [root]
          for (const name of seen) {
            expect(Object.keys(result.schemas)).toContain(name)
            visited.push(result.schemas[name])
            directReferences(result.schemas[name] ?? true, seen)
          }
          expect(JSON.stringify(visited)).not.toContain(`"${hidden}":true`)
        }
        check(result.actions[0]?.inputSchema, 'readOnly')
        check(result.actions[0]?.outputSchema, 'writeOnly')
      },
    ),
    { numRuns: 200 },
  )
})
