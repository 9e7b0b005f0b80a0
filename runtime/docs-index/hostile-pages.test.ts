import { expect, test } from 'vitest'
import { looksLikeDescription } from './looks-like-description.ts'
import { readApart } from './read-apart.ts'
import { readMarkdown } from './read-markdown.ts'
import { readPage } from './read-page.ts'

const never = new AbortController().signal

test('a page that begins with blank lines without end is told from a description in one look', () => {
  // Every way to split the lines was tried before: thirty of them took a second, forty would have taken minutes.
  expect(looksLikeDescription(`${'\n'.repeat(3_900)}Welcome`)).toBe(false)
  expect(looksLikeDescription(`${'# note\n\n'.repeat(400)}Welcome`)).toBe(false)
})

test.each([
  ['{"openapi":"3.1.0"}', true],
  ['\n\n# A comment\n---\nopenapi: 3.1.0', true],
  ["swagger : '2.0'", true],
  ['# Guide\n\nWe publish openapi: documents.', false],
  ['', false],
])('a text is told from a description by its first line: %j', (text, is) => {
  expect(looksLikeDescription(text)).toBe(is)
})

test('a heading of brackets that are never closed is read, whole', () => {
  const { blocks } = readMarkdown(`# ${'['.repeat(500_000)}`)
  expect(blocks).toMatchObject([{ kind: 'heading' }])
  expect(blocks[0]?.text.length).toBe(500_000)
})

test('a table with one long row does not make all its rows long', () => {
  const html = `<table><tr>${'<td>a'.repeat(2_000)}</tr>${'<tr><td>a</td></tr>'.repeat(2_000)}</table>`
  const { blocks } = readPage(html, null)
  expect(blocks[0]?.text.length).toBeLessThan(html.length * 4)
})

test('Markdown that takes too long to read is given up, and the process goes on meanwhile', async () => {
  let turns = 0
  const counting = setInterval(() => {
    turns += 1
  }, 10)
  const text = '- a\n\n  b\n\n'.repeat(100_000)
  const reading = readApart({ format: 'markdown', text, url: null }, never, 300)
  await expect(reading).rejects.toMatchObject({ code: 'invalid_input', where: 'text' })
  clearInterval(counting)
  expect(turns).toBeGreaterThan(3)
})

test('a long page is read apart as it is here', async () => {
  const html = `<title>T</title><h1>Keys</h1>${'<p>Some words. <a href="/next">Next</a>'.repeat(1_000)}`
  const { title, blocks, links } = await readApart(
    { format: 'html', text: html, url: 'https://a.example/' },
    never,
  )
  const here = readPage(html, 'https://a.example/')
  expect({ title, blocks, links }).toEqual({ title: here.title, blocks: here.blocks, links: here.links })
})
