import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toJsonb } from './jsonb.ts'

test('what jsonb can store is kept as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      if (!/\\u/.test(text)) expect(toJsonb(value)).toBe(text)
    }),
  )
})

test('NUL and lone surrogates become U+FFFD, and text that only looks like their escape stays', () => {
  expect(JSON.parse(toJsonb({ a: 'x\u0000y', b: '\ud800z', c: '\\u0000', d: '\\\\\u0000' }))).toEqual({
    a: 'x\ufffdy',
    b: '\ufffdz',
    c: '\\u0000',
    d: '\\\\\ufffd',
  })
})

test('no text holds an escape that jsonb refuses', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const back: unknown = JSON.parse(toJsonb(value))
      expect(typeof back === 'string' && back.isWellFormed() && !back.includes('\u0000')).toBe(true)
    }),
  )
})
