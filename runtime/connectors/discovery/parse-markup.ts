import { type Handler, Parser, type ParserOptions } from 'htmlparser2'

const CHUNK_CHARS = 8192
/** The parser looks through the open elements at each closing tag; no real page nests this deep. */
const MAX_OPEN_ELEMENTS = 1000

/**
 * Reads HTML or XML as a stream of tags: no tree is built, and a page that opens elements without end is left.
 * @returns why it was not read to its end, if so
 */
export function parseMarkup(
  text: string,
  handler: Pick<Partial<Handler>, 'onopentag' | 'ontext' | 'onclosetag'>,
  options: ParserOptions = {},
): string | undefined {
  let open = 0
  const parser = new Parser(
    {
      ...handler,
      onopentag(name, attributes, isImplied) {
        open += 1
        handler.onopentag?.(name, attributes, isImplied)
      },
      onclosetag(name, isImplied) {
        open -= 1
        handler.onclosetag?.(name, isImplied)
      },
    },
    options,
  )
  for (let at = 0; at < text.length; at += CHUNK_CHARS) {
    parser.write(text.slice(at, at + CHUNK_CHARS))
    if (open > MAX_OPEN_ELEMENTS) return `more than ${MAX_OPEN_ELEMENTS} elements are open at one place`
  }
  parser.end()
  return undefined
}
