import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'
import { asFormSays } from './form-says.ts'
import { serializeBody } from './serialize-body.ts'
import { validateInput } from './validate-input.ts'

const deepObject = { style: 'deepObject', explode: true } as const
const BODIES: ActionBody[] = ['application/x-www-form-urlencoded', 'multipart/form-data'].flatMap(
  (contentType) => [
    { contentType, mode: 'merge', required: false },
    { contentType, mode: 'merge', required: false, encoding: { a: deepObject, b: deepObject } },
    {
      contentType,
      mode: 'merge',
      required: false,
      encoding: { a: { brackets: true }, b: { style: 'form' } },
    },
  ],
)
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>('', 'x', 1, null),
    fc.array(tie('tree'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('tree'), { maxKeys: 2 }),
  ),
}))
const inputs = fc.dictionary(fc.constantFrom('a', 'b', 'c'), tree) as fc.Arbitrary<JsonObject>

test('what is said to be left out of a form is left out of its bytes, and nothing else is', () => {
  const names = (body: ActionBody, value: Json) =>
    Buffer.from(serializeBody(body, value).body)
      .toString()
      .replace(/patchbay-\w+/g, '')
      .replace(/\d+/g, '')
  fc.assert(
    fc.property(inputs, fc.constantFrom(...BODIES), (input, body) => {
      const said = asFormSays(body, input)
      expect(names(body, said)).toBe(names(body, input))
      expect(asFormSays(body, said)).toBe(said)
      for (const [name, value] of Object.entries(said)) {
        expect(serializeBody(body, { [name]: value }).body).not.toHaveLength(0)
      }
    }),
  )
})

test.each(['application/json', 'application/octet-stream', 'text/plain'])(
  'a body of %s says all',
  (contentType) => {
    const input = { a: [], b: {} }
    expect(asFormSays({ contentType, mode: 'merge', encoding: { a: deepObject } }, input)).toBe(input)
  },
)

test('a required list or object that a form cannot hold is refused, however deep; an optional one is not', () => {
  const address = { type: 'object', properties: { city: { type: 'string' } } }
  const shipping = { type: 'object', required: ['address'], properties: { address, notes: address } }
  const action = {
    slug: 'charge',
    inputSchema: { type: 'object', properties: { in_shipping: shipping } },
    body: {
      contentType: 'application/x-www-form-urlencoded',
      mode: 'merge',
      required: true,
      properties: { in_shipping: 'shipping' },
      encoding: { shipping: deepObject },
    },
  } satisfies Parameters<typeof validateInput>[1]
  const check = (value: Json) => validateInput({}, action, { in_shipping: value })
  check({ address: { city: 'x' }, notes: {} })
  const error = (() => {
    try {
      check({ address: {}, notes: { city: 'x' } })
    } catch (thrown) {
      return thrown as AppError
    }
    throw new Error('expected a refusal')
  })()
  expect(error).toMatchObject({ code: 'invalid_input', where: 'input.in_shipping.address' })
  expect(error.hint).toMatch(/^A form cannot hold an empty list or object/)
})
