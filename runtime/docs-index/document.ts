/** A part of a document in reading order; headings say where what follows belongs. */
export type Block =
  | { kind: 'heading'; level: number; text: string; anchor?: string }
  | { kind: 'prose'; text: string }
  | { kind: 'code'; text: string; language: string }
  /** Lines of a Markdown table, the heading row and its rule first. */
  | { kind: 'table'; text: string }

/** A page or description, cleaned of everything but what it says. */
export interface DocDocument {
  title: string
  /** Where it was read; null for text that was given. */
  url: string | null
  blocks: Block[]
}

const BLANK_LINES = /\n{3,}/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: those that a text column refuses or nobody can read
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g

/** A text as the database can keep it: no control characters or lone surrogates, one kind of line end. */
export const cleanText = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(CONTROL, ' ').toWellFormed().replace(BLANK_LINES, '\n\n').trim()

/** Of several lines, one: spaces as they would be shown. */
export const oneLine = (text: string): string => cleanText(text).replace(/\s+/g, ' ').trim()

/** Code keeps its indentation and blank lines. */
export const cleanCode = (text: string): string =>
  text
    .replace(/^(?:[ \t]*\n)+/, '')
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : ' '.repeat(leading(line)) + cleanText(line)))
    .join('\n')

const leading = (line: string) => Math.min(200, /^[ \t]*/.exec(line)?.[0].replace(/\t/g, '  ').length ?? 0)
