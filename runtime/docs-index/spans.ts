import type { Chunk } from './chunk.ts'
import type { Embedder } from './embedder.ts'

/** Longer sentences say what they are about in their beginning. */
const MAX_SENTENCE_CHARS = 400
const SENTENCE_END = /(?<=[.!?:])\s+/

/**
 * What of a chunk is embedded. Small models blur a whole passage, so it is given to them by groups of a few sentences,
 * each with its heading, and once by its headings alone; the chunk is as near as its nearest part. Models that read
 * long texts get it whole.
 */
export function spansOf(
  { breadcrumb, content }: Pick<Chunk, 'content'> & { breadcrumb: readonly string[] },
  { spanChars }: Pick<Embedder, 'spanChars'>,
): string[] {
  if (spanChars === undefined) return [`${breadcrumb.join(' > ')}\n${content}`]
  const page = breadcrumb[0] ?? ''
  const heading = breadcrumb.at(-1) ?? ''
  const spans: string[] = []
  let span = ''
  for (const sentence of proseOf(content).split(SENTENCE_END)) {
    if (span !== '' && span.length + 1 + sentence.length > spanChars) {
      spans.push(span)
      span = ''
    }
    span = `${span} ${sentence.slice(0, MAX_SENTENCE_CHARS)}`.trim()
  }
  if (span !== '') spans.push(span)
  return [page === heading ? heading : `${page}: ${heading}`, ...spans.map((text) => `${heading}. ${text}`)]
}

/** Code is found by its words; to a model of sentences it is noise, as marks and addresses are. */
const proseOf = (content: string): string =>
  content
    .replace(/^(`{3,})[^\n]*\n[\s\S]*?^\1$/gm, ' ')
    .replace(/\[([^\]]{0,300})\]\([^)\s]{0,2000}\)/g, '$1')
    .replace(/[`*|#]+|-{3,}/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
