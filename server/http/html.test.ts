import fc from 'fast-check'
import { Parser } from 'htmlparser2'
import { expect, test } from 'vitest'
import { html } from './html.ts'

/** What a browser's parser makes of it: tag names, attributes and text. */
function parsed(text: string) {
  const seen = { tags: [] as string[], attributes: [] as string[], text: '' }
  const parser = new Parser({
    onopentag: (name, attributes) => {
      seen.tags.push(name)
      seen.attributes.push(...Object.values(attributes))
    },
    ontext: (part) => {
      seen.text += part
    },
  })
  parser.write(text)
  parser.end()
  return seen
}

test('no value adds a tag or leaves its attribute, and every value is read back as it was', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.constantFrom('"><script>alert(1)</script>', "' onload='x", '</p>', '&lt;b&gt;', '<!--'),
  )
  fc.assert(
    fc.property(hostile, (value) => {
      const seen = parsed(html`<p title="${value}">${value}</p>`.text)
      expect(seen).toEqual({ tags: ['p'], attributes: [value], text: value })
    }),
  )
})

test('markup made by the template, and lists of it, are kept; nothing stands for what is left out', () => {
  const items = ['a', 'b'].map((name) => html`<li>${name}</li>`)
  expect(html`<ul>${items}</ul>${false}${null}${undefined}${0}`.text).toBe('<ul><li>a</li><li>b</li></ul>0')
})
