import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contrast, readableOnWhite, textOn, themeCss } from './colors.ts'

const color = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255))
  .map((parts) => `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`)

test('whatever colour an organization chooses, text on it and text in it can be read', () => {
  fc.assert(
    fc.property(color, (chosen) => {
      expect(contrast(textOn(chosen), chosen)).toBeGreaterThanOrEqual(4.5)
      expect(contrast(readableOnWhite(chosen), '#ffffff')).toBeGreaterThanOrEqual(4.5)
      const hover = /--primary-hover:(#[0-9a-f]{6})/.exec(themeCss(chosen))?.[1] ?? ''
      expect(contrast(textOn(chosen), hover)).toBeGreaterThanOrEqual(4.5)
    }),
  )
})

test('a colour that reads well on white is left as it is', () => {
  expect(readableOnWhite('#1a1a80')).toBe('#1a1a80')
  expect(readableOnWhite('#ffe600')).not.toBe('#ffe600')
})
