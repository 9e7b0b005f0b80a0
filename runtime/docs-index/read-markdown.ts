import { Lexer, type Token, type Tokens } from 'marked'
import { AppError } from '../../core/errors.ts'
import { type Block, cleanCode, cleanText, type DocDocument, oneLine } from './document.ts'
import { readHtmlBlocks } from './read-page.ts'

const FRONT_MATTER = /^---\n([\s\S]*?)\n---(?:\n|$)/
const TITLE_LINE = /^title:\s*(.+?)\s*$/m
/** Marked reads nested quotes and lists by recursion; no real page nests this deep. */
const MAX_NESTING = 100
/** Of a longer heading only this much is freed of its marks: looking for their ends takes quadratic time. */
const MAX_MARKED_CHARS = 1_000

/**
 * Reads Markdown (GitHub's kind; HTML within it is cleaned as HTML is).
 * @throws AppError `invalid_input` for a text that nests without end
 */
export function readMarkdown(text: string, given: { title?: string; url?: string | null } = {}): DocDocument {
  const normalized = text.replace(/\r\n?/g, '\n').replace(/^\ufeff/, '')
  const front = FRONT_MATTER.exec(normalized)
  const body = front === null ? normalized : normalized.slice(front[0].length)
  const blocks = tokensOf(body).flatMap(blocksOf)
  const first = blocks.find((block) => block.kind === 'heading')
  const stated = TITLE_LINE.exec(front?.[1] ?? '')?.[1]?.replace(/^(['"])(.*)\1$/, '$2')
  const title = given.title ?? stated ?? first?.text ?? given.url ?? 'Untitled'
  return { title: oneLine(title), url: given.url ?? null, blocks }
}

function tokensOf(body: string): Token[] {
  if (new RegExp(`^[ >]*(?:>[ \\t]?){${MAX_NESTING}}`, 'm').test(body)) throw tooDeep()
  try {
    // Blocks only: what stands within a line is kept as written, and reading it takes quadratic time at worst.
    return new Lexer({ gfm: true }).blockTokens(body, [])
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(error)
    throw error
  }
}

const tooDeep = (cause?: unknown) =>
  new AppError('invalid_input', 'The Markdown nests too deeply to be read.', {
    where: 'text',
    hint: 'Remove the nested quotes or lists, or index another rendering of the page.',
    cause,
  })

function blocksOf(token: Token): Block[] {
  switch (token.type) {
    case 'heading': {
      const { depth, text } = token as Tokens.Heading
      const heading = oneLine(withoutMarks(text))
      return heading === '' ? [] : [{ kind: 'heading', level: depth, text: heading, anchor: slugOf(heading) }]
    }
    case 'code': {
      const { text, lang } = token as Tokens.Code
      return text.trim() === ''
        ? []
        : [{ kind: 'code', text: cleanCode(text), language: /^[\w+#.-]{1,30}/.exec(lang ?? '')?.[0] ?? '' }]
    }
    case 'table':
      return [{ kind: 'table', text: cleanText(token.raw) }]
    case 'html':
      return readHtmlBlocks(token.raw).blocks
    case 'space':
    case 'hr':
      return []
    default: {
      const text = cleanText(token.raw)
      return text === '' ? [] : [{ kind: 'prose', text }]
    }
  }
}

/** `[text](address)`, emphasis, code and tags of a heading, as they are read. */
const withoutMarks = (text: string) =>
  text
    .slice(0, MAX_MARKED_CHARS)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<\/?[a-z][^>]{0,500}>/gi, '')
    .replace(/[`*]|(?<!\w)_|_(?!\w)/g, '') + text.slice(MAX_MARKED_CHARS)

/** The anchor that documentation sites commonly give a heading. */
export const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s+/g, '-')
