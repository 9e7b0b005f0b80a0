import { describe, expect, test } from 'vitest'
import { readMarkdown } from './read-markdown.ts'
import { readPage } from './read-page.ts'

const kinds = (html: string) => readPage(html, null).blocks.map((block) => [block.kind, block.text])

test('a page is its main part: headings, prose, lists, code and tables, without what surrounds them', () => {
  const html = `<!doctype html><html><head><title>Auth &amp; keys</title><style>p{}</style></head><body>
    <nav><a href="/a">Menu</a></nav><header><p>Banner</p></header>
    <main><h1 id="auth">Authentication<a href="#auth">¶</a></h1><p>Send the <code>x-api-key</code>
    header.</p><ul><li>one</li><li><p>two</p></li></ul>
    <pre><code class="language-js">if (a) {
  b()
}</code></pre>
    <table><tr><th>Field</th><th>Type</th></tr><tr><td>id</td><td>a | b</td></tr></table>
    <p hidden>unseen</p><form><p>Feedback?</p></form></main><footer>Imprint</footer><script>evil()</script></body></html>`
  const page = readPage(html, 'https://docs.example.org/auth')
  expect(page.title).toBe('Auth & keys')
  expect(page.blocks).toEqual([
    { kind: 'heading', level: 1, text: 'Authentication', anchor: 'auth' },
    { kind: 'prose', text: 'Send the `x-api-key` header.' },
    { kind: 'prose', text: '- one\n- two' },
    { kind: 'code', text: 'if (a) {\n  b()\n}', language: 'js' },
    { kind: 'table', text: '| Field | Type |\n| --- | --- |\n| id | a \\| b |' },
  ])
  expect(page.links).toContain('/a')
})

test('a page without a main part is read whole', () => {
  expect(kinds('<h2>Limits</h2><p>Ten a second.')).toEqual([
    ['heading', 'Limits'],
    ['prose', 'Ten a second.'],
  ])
})

describe('pages made to do harm', () => {
  test('elements opened without end end the reading, and what was said before stays', () => {
    const { blocks, cutShort } = readPage(`<p>before</p>${'<div>'.repeat(300_000)}deep`, null)
    expect(cutShort).toContain('elements are open')
    expect(blocks).toEqual([{ kind: 'prose', text: 'before' }])
  })

  test('scripts, styles, comments and event handlers are not part of what is said', () => {
    const html = `<p onclick="a()">seen</p><script>x<p>no</p></script><style>y</style><!-- z --><svg><text>w</text></svg><noscript>v</noscript>`
    expect(kinds(html)).toEqual([['prose', 'seen']])
  })

  test('characters that a database refuses become ones it takes', () => {
    expect(kinds('<p>a\u0000b \ud800 c</p>')).toEqual([['prose', 'a b \ufffd c']])
  })

  test('tags that are closed without being open, and tables in tables, do no harm', () => {
    expect(
      kinds(
        '</div></p></table><table><tr><td>a<table><tr><td>b</td></tr></table></td></tr></table></pre>end',
      ),
    ).toEqual([
      ['table', '| ab |\n| --- |'],
      ['prose', 'end'],
    ])
  })

  test('Markdown that nests without end is refused', () => {
    expect(() => readMarkdown(`${'> '.repeat(5000)}x`)).toThrow(/nests too deeply/)
    expect(() => readMarkdown(`${'['.repeat(50_000)}x`)).not.toThrow()
  })
})
