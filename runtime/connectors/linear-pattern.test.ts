import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileLinear } from './linear-pattern.ts'

/** As published by Lob and Svix, and as passwords, domain names and slugs are written everywhere. */
const SPLIT = [
  '^(?!https://)[a-zA-Z0-9@:%._+~#=/]{1,256}.(html?|pdf)$',
  '^(?!sink_)[a-zA-Z0-9_-]+$',
  '^(?=.*[a-z])(?=.*\\d).{3,}$',
  '(?!-)^[a-z-]+(?<!-)$',
  '^(?!.*--)(?![0-9]+$)[a-z0-9-]+$',
  '^(?!a|b)c?|(?<!x)$',
  '^(?!)|^a$',
  '^ab(?<=b)(?<!ab)$',
]
const texts = fc.oneof(
  fc.stringMatching(/^[ab0-9-]{0,6}$/),
  fc.stringMatching(/^(sink_|https:\/\/|x|c)?[a-z0-9-]{0,5}(\.pdf)?$/),
  fc.string({ unit: 'binary' }).filter((text) => !/[\s\ufeff]/.test(text)),
)

test.each(SPLIT)('%s matches what it matches in JavaScript', (pattern) => {
  const linear = compileLinear(pattern)
  expect(linear).toBeDefined()
  const native = new RegExp(pattern, 'u')
  fc.assert(
    fc.property(texts, (text) => {
      expect(linear?.test(text)).toBe(native.test(text))
    }),
    { numRuns: 300 },
  )
})

test('lookaround that would backtrack for ever is answered in time that grows with the text', () => {
  const linear = compileLinear('^(?!(a+)+b)(?=(a|aa)+$)(a+)+$')
  expect(linear?.test('a'.repeat(20_000))).toBe(true)
  expect(linear?.test(`${'a'.repeat(20_000)}b`)).toBe(false)
  expect(linear?.test(`${'a'.repeat(20_000)}!`)).toBe(false)
})

test.each([
  ['inside the pattern', '^a(?!b).*$'],
  ['with nothing that holds it at one place', '(?!a)b'],
  ['in a group', '^(?:(?!a)b)$'],
  ['in lookaround', '^(?!(?=a)b)c$'],
  ['before the end that it is not about', '^a(?!b)$'],
  ['after a reference back', '^(?!(a)\\1)a+$'],
  ['too long to be taken apart', `^(?!a)${'b'.repeat(3_000)}$`],
])('lookaround %s is left alone', (_where, pattern) => {
  expect(compileLinear(pattern)).toBeUndefined()
})
