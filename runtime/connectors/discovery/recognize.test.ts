import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { recognize } from './recognize.ts'

const padding = `x-padding: ${'a'.repeat(3_100_000)}\n`

test.each<[string, string, object | undefined]>([
  [
    'OpenAPI in YAML',
    'openapi: 3.0.1\ninfo: {title: A, version: "1"}\npaths: {}\n',
    { format: 'openapi', title: 'A' },
  ],
  [
    'Swagger, whose version YAML reads as a number',
    'swagger: 2.0\ninfo: {title: B}\n',
    { format: 'swagger' },
  ],
  ['a page', '<html>openapi: 3.0.0</html>', undefined],
  ['JSON that is something else', '{"name": "x"}', undefined],
  ['text about it', 'We love openapi: it is\nnice', undefined],
  ['nothing', '', undefined],
  [
    'a large one whose first fields stand last, told without reading it all',
    `${padding}components:\n  schemas:\n    X:\n      title: Not this\nopenapi: '3.1.0'\ninfo:\n  description: |\n    title-like\n  title: Large\n  version: 2024-01\n`,
    { format: 'openapi', formatVersion: '3.1.0', title: 'Large', version: '2024-01', operations: null },
  ],
  [
    'one of several files: operations are not counted',
    '{"openapi": "3.0.0", "info": {"title": "M"}, "paths": {"/a": {"$ref": "a.json"}}}',
    { operations: null },
  ],
])('%s', (_name, text, expected) => {
  if (expected === undefined) expect(recognize(text)).toBeUndefined()
  else expect(recognize(text)).toMatchObject(expected)
})

test('what is not JSON after all is a problem that is told', () => {
  expect(recognize('{"openapi": "3.0.0",')).toEqual({ problem: expect.stringMatching(/JSON ends early/) })
})

const specs = '../shared/data/specs'
describe.skipIf(!existsSync(specs))('real documents (needs ../shared/data)', () => {
  test.each([
    ['openapi3/stripe.yaml', 'openapi', null],
    ['openapi31/svix.json', 'openapi', 252],
    ['swagger2/slack_web.json', 'swagger', 174],
    ['postman/intercom.postman_collection.json', 'postman', 164],
  ])('%s', (file, format, operations) => {
    expect(recognize(readFileSync(`${specs}/${file}`, 'utf8'))).toMatchObject({ format, operations })
  })
})
