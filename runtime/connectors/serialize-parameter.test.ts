import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import type { ActionParameter } from './action-definition.ts'
import { encodeReserved, encodeStrict } from './encoding.ts'
import { serializeCookie, serializeHeader, serializePath, serializeQuery } from './serialize-parameter.ts'

const colors = ['blue', 'black', 'brown']
const rgb = { R: 100, G: 200, B: 150 }

/** The table of OpenAPI 3.1.1, 4.8.12.3 "Style Examples". */
const table: [ActionParameter['style'], boolean, Json, string][] = [
  ['matrix', false, '', ';color'],
  ['matrix', false, 'blue', ';color=blue'],
  ['matrix', false, colors, ';color=blue,black,brown'],
  ['matrix', false, rgb, ';color=R,100,G,200,B,150'],
  ['matrix', true, colors, ';color=blue;color=black;color=brown'],
  ['matrix', true, rgb, ';R=100;G=200;B=150'],
  ['label', false, 'blue', '.blue'],
  ['label', false, colors, '.blue,black,brown'],
  ['label', false, rgb, '.R,100,G,200,B,150'],
  ['label', true, colors, '.blue.black.brown'],
  ['label', true, rgb, '.R=100.G=200.B=150'],
  ['simple', false, 'blue', 'blue'],
  ['simple', false, colors, 'blue,black,brown'],
  ['simple', false, rgb, 'R,100,G,200,B,150'],
  ['simple', true, colors, 'blue,black,brown'],
  ['simple', true, rgb, 'R=100,G=200,B=150'],
  ['form', false, '', 'color='],
  ['form', false, 'blue', 'color=blue'],
  ['form', false, colors, 'color=blue,black,brown'],
  ['form', false, rgb, 'color=R,100,G,200,B,150'],
  ['form', true, colors, 'color=blue&color=black&color=brown'],
  ['form', true, rgb, 'R=100&G=200&B=150'],
  ['spaceDelimited', false, colors, 'color=blue%20black%20brown'],
  ['spaceDelimited', false, rgb, 'color=R%20100%20G%20200%20B%20150'],
  ['pipeDelimited', false, colors, 'color=blue%7Cblack%7Cbrown'],
  ['pipeDelimited', false, rgb, 'color=R%7C100%7CG%7C200%7CB%7C150'],
  ['deepObject', true, rgb, 'color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150'],
]

describe('the style table of the OpenAPI specification', () => {
  test.each(table)('%s, explode %s, %j → %s', (style, explode, value, expected) => {
    const inPath = ['matrix', 'label', 'simple'].includes(style)
    const parameter = { name: 'color', style, explode }
    expect(inPath ? serializePath(parameter, value) : serializeQuery(parameter, value).join('&')).toBe(
      expected,
    )
  })
})

const query = (value: Json, extra: Partial<ActionParameter> = {}) =>
  serializeQuery({ name: 'q', style: 'form', explode: true, ...extra }, value).join('&')

test('an empty array or object sends nothing', () => {
  expect(query([])).toBe('')
  expect(query({}, { explode: false })).toBe('')
})

test('deepObject nests with brackets, arrays by index', () => {
  const text = query({ a: { b: [1, { c: true }] } }, { style: 'deepObject' })
  expect(decodeURIComponent(text)).toBe('q[a][b][0]=1&q[a][b][1][c]=true')
})

test('a content parameter is sent as JSON', () => {
  expect(decodeURIComponent(query({ a: [1] }, { contentType: 'application/json' }))).toBe('q={"a":[1]}')
})

test('allowReserved keeps reserved characters and encoded triplets, but not those that end the value', () => {
  expect(query('a/b?c=d%20e&f#g+h i', { allowReserved: true })).toBe('q=a/b?c=d%20e%26f%23g%2Bh%20i')
})

test('a reserved path value cannot begin the query', () => {
  expect(serializePath({ name: 'p', style: 'simple', explode: false, allowReserved: true }, 'a/b?c')).toBe(
    'a/b%3Fc',
  )
})

test('headers carry text as it is, and objects by style simple', () => {
  const header = { name: 'X', style: 'simple', explode: false } as const
  expect(serializeHeader(header, ['a b', 'c'])).toBe('a b,c')
  expect(serializeHeader({ ...header, explode: true }, { a: 1, b: 2 })).toBe('a=1,b=2')
})

test('cookies are pairs', () => {
  expect(serializeCookie({ name: 'c', style: 'form', explode: true }, ['a;b', 'c'])).toBe('c=a%3Bb; c=c')
})

test('exploded form values come back unchanged from a query parser', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }),
      (name, values) => {
        const text = serializeQuery({ name, style: 'form', explode: true }, values).join('&')
        expect(new URLSearchParams(text).getAll(name)).toEqual(values)
      },
    ),
  )
})

test('exploded objects and deepObject come back unchanged from a query parser', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' })),
      (object) => {
        const flat = serializeQuery({ name: 'o', style: 'form', explode: true }, object).join('&')
        expect([...new URLSearchParams(flat)]).toEqual(Object.entries(object))
        const deep = serializeQuery({ name: 'o', style: 'deepObject', explode: true }, object).join('&')
        expect([...new URLSearchParams(deep)]).toEqual(
          Object.entries(object).map(([key, item]) => [`o[${key}]`, item]),
        )
      },
    ),
  )
})

test('a simple path value is one segment, whatever it holds, and comes back unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const text = serializePath({ name: 'p', style: 'simple', explode: false }, value)
      expect(text).toMatch(/^[A-Za-z0-9._~%-]*$/)
      expect(decodeURIComponent(text)).toBe(value.toWellFormed())
    }),
  )
})

test('strict encoding leaves unreserved characters only; reserved encoding never leaves # & +', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(encodeStrict(text)).toMatch(/^[A-Za-z0-9._~%-]*$/)
      expect(encodeReserved(text)).not.toMatch(/[#&+\s"<>\\^`{|}]/)
    }),
  )
})
