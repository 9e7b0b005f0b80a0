import { parseMarkup } from '../connectors/discovery/parse-markup.ts'
import { type Block, cleanCode, cleanText, type DocDocument, oneLine } from './document.ts'

export interface HtmlBlocks {
  title: string
  blocks: Block[]
  /** Addresses of links, as written. */
  links: string[]
  /** `href` of the base element. */
  base: string | undefined
  /** Why the page was not read to its end. */
  cutShort: string | undefined
}

/** What a page has beside what it says. */
const SKIPPED = new Set(
  'script style noscript template svg math iframe object canvas nav footer aside form button select dialog head'.split(
    ' ',
  ),
)
const SKIPPED_ROLES = new Set(['navigation', 'banner', 'contentinfo', 'search', 'complementary'])
const PARAGRAPHS = new Set(
  'p div section article main li ul ol dl dt dd blockquote figure figcaption details summary header hr address'.split(
    ' ',
  ),
)
const HEADING = /^h[1-6]$/
const MAX_LINKS = 2000

/** A documentation page: its main part, where it marks one, without navigation, scripts and forms. */
export function readPage(
  html: string,
  url: string | null,
  given?: { title?: string },
): DocDocument & {
  links: string[]
  base: string | undefined
  cutShort: string | undefined
} {
  const { title, blocks, links, base, cutShort } = readHtmlBlocks(html)
  const first = blocks.find((block) => block.kind === 'heading')
  const named = given?.title ?? (title === '' ? (first?.text ?? url ?? 'Untitled') : title)
  return { title: oneLine(named), url, blocks, links, base, cutShort }
}

/** Reads HTML as a stream: no tree, no recursion, and elements opened without end end the reading. */
export function readHtmlBlocks(html: string): HtmlBlocks {
  const all: Block[] = []
  const main: Block[] = []
  const links: string[] = []
  let title = ''
  let base: string | undefined
  let inTitle = false
  let skipped = 0
  let inMain = 0
  let text = ''
  let heading: { level: number; anchor: string | undefined } | undefined
  let code: { text: string; language: string } | undefined
  let table: { rows: string[][]; cell: string | undefined; depth: number } | undefined
  const open: { name: string; skips: boolean; main: boolean; id: string | undefined }[] = []

  const push = (block: Block) => {
    all.push(block)
    if (inMain > 0) main.push(block)
  }
  const flush = () => {
    const said = text
    text = ''
    if (heading !== undefined) return
    const cleaned = cleanText(said.replace(/[^\S\n]+/g, ' ').replace(/ ?\n ?/g, '\n'))
    if (cleaned !== '') push({ kind: 'prose', text: cleaned })
  }
  const endHeading = () => {
    if (heading === undefined) return
    // The pilcrow or # that many generators put beside a heading to link to it.
    const said = oneLine(text).replace(/\s*[¶#🔗]\s*$/u, '')
    text = ''
    if (said !== '') {
      push({
        kind: 'heading',
        level: heading.level,
        text: said,
        ...(heading.anchor === undefined ? {} : { anchor: heading.anchor }),
      })
    }
    heading = undefined
  }
  const endTable = () => {
    const markdown = table === undefined ? '' : asTable(table.rows)
    table = undefined
    if (markdown !== '') push({ kind: 'table', text: markdown })
  }

  const cutShort = parseMarkup(html, {
    onopentag(name, attributes) {
      const skips = SKIPPED.has(name) || SKIPPED_ROLES.has(attributes.role ?? '') || isHidden(attributes)
      const isMain = name === 'main' || name === 'article' || attributes.role === 'main'
      open.push({ name, skips, main: isMain, id: attributes.id })
      if (isMain) {
        flush()
        inMain += 1
      }
      if (name === 'title') inTitle = true
      if (name === 'base') base ??= attributes.href
      if (name === 'a' && attributes.href !== undefined && links.length < MAX_LINKS)
        links.push(attributes.href)
      if (skips) {
        skipped += 1
        return
      }
      if (skipped > 0) return
      if (code !== undefined) {
        code.language ||= languageOf(attributes.class)
        if (name === 'br') code.text += '\n'
        return
      }
      if (name === 'table') {
        if (table === undefined) {
          flush()
          table = { rows: [], cell: undefined, depth: 1 }
        } else table.depth += 1
        return
      }
      if (table !== undefined) {
        if (table.depth > 1) return
        if (name === 'tr') table.rows.push([])
        if (name === 'td' || name === 'th') table.cell = ''
        if ((name === 'br' || PARAGRAPHS.has(name)) && table.cell !== undefined) table.cell += ' '
        return
      }
      if (HEADING.test(name)) {
        endHeading()
        flush()
        heading = { level: Number(name[1]), anchor: attributes.id ?? open.at(-2)?.id }
      } else if (name === 'pre') {
        flush()
        code = { text: '', language: languageOf(attributes.class) }
      } else if (name === 'br') text += '\n'
      else if (name === 'li') {
        flushItem()
        text += '\n- '
      } else if (PARAGRAPHS.has(name) && !open.some((element) => element.name === 'li')) flush()
      else if (PARAGRAPHS.has(name)) text += ' '
      else if (name === 'code' && heading === undefined) text += '`'
    },
    ontext(chunk) {
      if (inTitle && title.length < 500) title += chunk
      if (skipped > 0) return
      if (code !== undefined) code.text += chunk
      else if (table !== undefined) {
        if (table.cell !== undefined) table.cell += chunk
      } else text += chunk.replace(/\s+/g, ' ')
    },
    onclosetag(name) {
      const element = open.pop()
      if (name === 'title') inTitle = false
      if (element?.skips === true) {
        skipped -= 1
      } else if (skipped === 0) {
        if (name === 'pre' && code !== undefined) {
          if (code.text.trim() !== '')
            push({ kind: 'code', text: cleanCode(code.text), language: code.language })
          code = undefined
        } else if (code === undefined && table !== undefined) {
          if (name === 'table' && --table.depth === 0) endTable()
          else if ((name === 'td' || name === 'th') && table.depth === 1) {
            const row = table.rows.at(-1)
            if (row === undefined) table.rows.push([table.cell ?? ''])
            else row.push(table.cell ?? '')
            table.cell = undefined
          }
        } else if (code === undefined) {
          if (HEADING.test(name)) endHeading()
          else if (name === 'code' && heading === undefined) text += '`'
          else if ((name === 'ul' || name === 'ol') && !open.some(({ name: outer }) => outer === 'li'))
            flush()
          else if (PARAGRAPHS.has(name) && !open.some(({ name: outer }) => outer === 'li') && name !== 'li')
            flush()
        }
      }
      if (element?.main === true) {
        flush()
        inMain -= 1
      }
    },
  })
  if (code !== undefined && code.text.trim() !== '')
    push({ kind: 'code', text: cleanCode(code.text), language: code.language })
  endHeading()
  endTable()
  flush()
  return {
    title: oneLine(title),
    // A page that marks its main part puts navigation beside it.
    blocks: lengthOf(main) >= lengthOf(all) * MAIN_SHARE ? main : all,
    links,
    base,
    cutShort,
  }

  /** Lists become lines of one block, a long one several. */
  function flushItem() {
    if (text.length > LIST_BLOCK_CHARS) flush()
  }
}

const LIST_BLOCK_CHARS = 600
const MAX_FILLED_CELLS = 20
/** A main part smaller than this is not where the page says what it says. */
const MAIN_SHARE = 0.2

const lengthOf = (blocks: readonly Block[]) => blocks.reduce((sum, { text }) => sum + text.length, 0)

const isHidden = (attributes: Record<string, string>) =>
  attributes.hidden !== undefined || attributes['aria-hidden'] === 'true'

const languageOf = (classes: string | undefined): string =>
  /(?:^|\s)(?:language|lang|highlight-source|brush:)-?([\w+#.-]{1,30})/.exec(classes ?? '')?.[1] ?? ''

function asTable(rows: readonly string[][]): string {
  const cells = rows
    .filter((row) => row.length > 0)
    .map((row) => row.map((cell) => oneLine(cell).replaceAll('|', '\\|')))
  const width = cells.reduce((widest, row) => Math.max(widest, row.length), 0)
  if (!cells.some((row) => row.some((cell) => cell !== ''))) return ''
  // Rows that differ much in length are no table to be filled up: one long row would make all of them long.
  const missing = (row: readonly string[]) => Math.min(width - row.length, MAX_FILLED_CELLS)
  const lines = cells.map((row) => `| ${[...row, ...Array(missing(row)).fill('')].join(' | ')} |`)
  return [lines[0], `|${' --- |'.repeat(width)}`, ...lines.slice(1)].join('\n')
}
