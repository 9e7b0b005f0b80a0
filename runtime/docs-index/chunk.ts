import type { Block, DocDocument } from './document.ts'

/** A passage that is found and cited as one. */
export interface Chunk {
  /** Title of the document, then the headings above the passage, the nearest last. */
  breadcrumb: string[]
  /** Of the nearest heading, for links to it. */
  anchor: string | null
  content: string
}

export interface ChunkSizes {
  /** Longest content of a chunk, in characters. */
  maxChars: number
}

/** Chosen by measurement: docs/docs-index.md. */
export const defaultChunkSizes: ChunkSizes = { maxChars: 1200 }

const MAX_CRUMB_CHARS = 200

/**
 * Cuts a document at its headings, and longer sections at paragraphs. A code block or table stays whole where it
 * fits; one that does not is cut at lines, each part of a table with its heading row. Everything said is in some
 * chunk, in order.
 */
export function chunkDocument(document: DocDocument, { maxChars }: ChunkSizes = defaultChunkSizes): Chunk[] {
  const chunks: Chunk[] = []
  let path: { level: number; text: string; anchor: string | null }[] = []
  let parts: string[] = []
  let size = 0
  /** The last heading has nothing below it yet. */
  let bare = false

  const breadcrumb = () => {
    const crumbs = [document.title, ...path.map(({ text }) => text)].map((crumb) =>
      crumb.slice(0, MAX_CRUMB_CHARS),
    )
    return crumbs.filter((crumb, at) => at === 0 || crumb !== crumbs[at - 1])
  }
  const end = () => {
    if (parts.length > 0)
      chunks.push({
        breadcrumb: breadcrumb(),
        anchor: path.at(-1)?.anchor ?? null,
        content: parts.join('\n\n'),
      })
    parts = []
    size = 0
  }
  const put = (piece: string) => {
    const more = piece.length + (parts.length > 0 ? 2 : 0)
    if (size + more > maxChars) end()
    size += piece.length + (parts.length > 0 ? 2 : 0)
    parts.push(piece)
  }
  /** A heading with nothing below it says at least itself. */
  const endHeading = () => {
    if (bare) for (const piece of cut(path.at(-1)?.text ?? '', maxChars)) put(piece)
    bare = false
    end()
  }

  for (const block of document.blocks) {
    if (block.kind !== 'heading') {
      for (const piece of piecesOf(block, maxChars)) put(piece)
      bare = false
      continue
    }
    // A heading above this one is told by its breadcrumb.
    if (bare && block.level > (path.at(-1)?.level ?? 0)) end()
    else endHeading()
    path = path.filter(({ level }) => level < block.level)
    path.push({ level: block.level, text: block.text, anchor: block.anchor ?? null })
    // A long heading is cut in the breadcrumb; whole, it is part of what is said.
    if (block.text.length > MAX_CRUMB_CHARS) for (const piece of cut(block.text, maxChars)) put(piece)
    bare = block.text.length <= MAX_CRUMB_CHARS
  }
  endHeading()
  return chunks
}

function piecesOf(block: Exclude<Block, { kind: 'heading' }>, maxChars: number): string[] {
  if (block.kind === 'prose') return cut(block.text, maxChars)
  if (block.kind === 'table')
    return block.text.length <= maxChars ? [block.text] : cutTable(block.text, maxChars)
  const fence = '`'.repeat(Math.max(3, longestRun(block.text) + 1))
  const wrap = (code: string) => `${fence}${block.language}\n${code}\n${fence}`
  const room = maxChars - wrap('').length
  return room < 1 ? cut(block.text, maxChars) : cut(block.text, room, ['\n']).map(wrap)
}

const longestRun = (text: string) => Math.max(0, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length))

function cutTable(text: string, maxChars: number): string[] {
  const [head = '', rule = '', ...rows] = text.split('\n')
  const top = `${head}\n${rule}\n`
  // A heading row that takes most of the room is said once, as the lines it is.
  if (!/^[\s|:-]+$/.test(rule) || top.length > maxChars / 2) return cut(text, maxChars, ['\n'])
  return cut(rows.join('\n'), maxChars - top.length, ['\n']).map((part) => top + part)
}

const PROSE_SEPARATORS = ['\n\n', '\n', '. ', ' ']

/** Parts no longer than `maxChars`, cut at the first separator that makes them fit, else anywhere. */
function cut(text: string, maxChars: number, separators: readonly string[] = PROSE_SEPARATORS): string[] {
  if (text.length <= maxChars) return text === '' ? [] : [text]
  const [separator, ...finer] = separators
  if (separator === undefined) return cutAnywhere(text, maxChars)
  const parts: string[] = []
  let part = ''
  for (const [at, piece] of text.split(separator).entries()) {
    const more = at === 0 ? piece : separator + piece
    if (part.length + more.length <= maxChars) {
      part += more
      continue
    }
    if (part !== '') parts.push(part)
    // The full stop belongs to the sentence it ends; other separators are white space.
    const rest = separator === '. ' && at > 0 ? (appendStop(parts, maxChars) ? piece : `. ${piece}`) : piece
    const inner = cut(rest, maxChars, finer)
    parts.push(...inner.slice(0, -1))
    part = inner.at(-1) ?? ''
  }
  if (part !== '') parts.push(part)
  return parts
}

function appendStop(parts: string[], maxChars: number): boolean {
  const last = parts.at(-1)
  if (last === undefined || last.length >= maxChars) return false
  parts[parts.length - 1] = `${last}.`
  return true
}

function cutAnywhere(text: string, maxChars: number): string[] {
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + maxChars)
    // Not between the halves of one character, unless there is room for one half only.
    if (end < text.length && end - at > 1 && /[\udc00-\udfff]/.test(text[end] ?? '')) end -= 1
    parts.push(text.slice(at, end))
    at = end
  }
  return parts
}
