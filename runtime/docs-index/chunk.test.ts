import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkDocument } from './chunk.ts'
import type { Block } from './document.ts'
import { readMarkdown } from './read-markdown.ts'

const text = fc
  .array(
    fc.oneof(
      fc.lorem({ maxCount: 30, mode: 'words' }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .chain((words) => fc.constantFrom(' ', '. ', '\n', '\n\n', '').map((between) => words.join(between)))
  .filter((words) => words.trim() !== '')
const line = fc.lorem({ maxCount: 8, mode: 'words' })
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.record({ kind: fc.constant('heading' as const), level: fc.integer({ min: 1, max: 6 }), text: line }),
  fc.record({ kind: fc.constant('prose' as const), text }),
  fc.record({ kind: fc.constant('code' as const), text, language: fc.constantFrom('', 'js') }),
)
const documents = fc.array(block, { maxLength: 20 }).map((blocks) => ({ title: 'Title', url: null, blocks }))
const solid = (words: string) => words.replace(/\s/g, '')
const unfenced = (words: string) => words.replace(/^`{3,}\w*$/gm, '')

test('nothing is lost and nothing changes its order, whatever the document', () => {
  fc.assert(
    fc.property(documents, fc.integer({ min: 60, max: 2000 }), (document, maxChars) => {
      const chunks = chunkDocument(document, { maxChars })
      const said = document.blocks.filter(({ kind }) => kind !== 'heading')
      // A heading with nothing below it is a passage of its own; the others are told by breadcrumbs.
      let rest = chunks.map(({ content }) => solid(unfenced(content))).join('')
      for (const { text: words } of said) {
        const at = rest.indexOf(solid(unfenced(words)))
        expect(at).toBeGreaterThanOrEqual(0)
        rest = rest.slice(at + solid(unfenced(words)).length)
      }
      for (const heading of document.blocks.filter(({ kind }) => kind === 'heading'))
        expect(chunks.some(({ breadcrumb }) => breadcrumb.includes(heading.text))).toBe(true)
    }),
  )
})

test('no passage is longer than asked for, or empty', () => {
  fc.assert(
    fc.property(documents, fc.integer({ min: 1, max: 2000 }), (document, maxChars) => {
      for (const { content } of chunkDocument(document, { maxChars })) {
        expect(content.length).toBeLessThanOrEqual(maxChars)
        expect(content).not.toBe('')
      }
    }),
  )
})

describe('what belongs together stays together', () => {
  const code = Array.from({ length: 10 }, (_, n) => `line ${n}`).join('\n')
  const table = `| a | b |\n| --- | --- |\n${Array.from({ length: 40 }, (_, n) => `| ${n} | value ${n} |`).join('\n')}`

  test('a code block that fits is in one passage, behind prose that leaves no room for it', () => {
    const chunks = chunkDocument(readMarkdown(`# A\n\n${'word '.repeat(30)}\n\n\`\`\`js\n${code}\n\`\`\``), {
      maxChars: 200,
    })
    expect(chunks.map(({ content }) => content).at(-1)).toBe(`\`\`\`js\n${code}\n\`\`\``)
  })

  test('each part of a long table has its heading row, and every row is there once', () => {
    const chunks = chunkDocument(readMarkdown(`# A\n\n${table}`), { maxChars: 300 })
    expect(chunks.length).toBeGreaterThan(1)
    for (const { content } of chunks) expect(content).toMatch(/^\| a \| b \|\n\| --- \| --- \|\n\| \d/)
    const rows = chunks.flatMap(({ content }) => content.split('\n').slice(2))
    expect(rows).toEqual(table.split('\n').slice(2))
  })

  test('sections never share a passage, and each says where it stands', () => {
    const chunks = chunkDocument(
      readMarkdown('# Guide\n\nIntro.\n\n## One\n\nFirst.\n\n### Deep\n\n## Two\n\nSecond.'),
    )
    expect(
      chunks.map(({ breadcrumb, anchor, content }) => [breadcrumb.join(' > '), anchor, content]),
    ).toEqual([
      ['Guide', 'guide', 'Intro.'],
      ['Guide > One', 'one', 'First.'],
      ['Guide > One > Deep', 'deep', 'Deep'],
      ['Guide > Two', 'two', 'Second.'],
    ])
  })
})
