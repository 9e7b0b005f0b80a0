/** Prose of a specification as plain text on one line: no HTML, no Markdown links, no code fences. */
export function plainText(text: string | undefined): string {
  if (text === undefined) return ''
  return text
    .slice(0, 20_000)
    .replace(/```[^`]*```/g, ' ')
    .replace(/<[^<>]{0,2000}>/g, ' ')
    .replace(/!?\[([^[\]]{0,500})\](\([^()]{0,2000}\)|\[[^[\]]{0,200}\])/g, '$1')
    .replace(/^[ \t]*\|.*\|[ \t]*$/gm, ' ')
    .replace(/^[ \t]*(#{1,6}|[*+-]|>)[ \t]+/gm, '')
    .replace(/^[ \t]*([-=*_])\1{2,}[ \t]*$/gm, ' ')
    .replace(/&(nbsp|lt|gt|amp|quot|#39|#x27);/g, (entity) => ENTITIES[entity] ?? entity)
    .replace(/\*\*|__(?=\S)|(?<=\S)__|`/g, '')
    .replace(/(?<![\w*])[*_]([^*_\s][^*_\n]{0,200}?)[*_](?![\w*])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
}

const ENTITIES: Record<string, string> = {
  '&nbsp;': ' ',
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
  '&#x27;': "'",
}

/** The sentences of plain text. A full stop inside one (`e.g. this`) does not end it. */
export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?]["')]?)(?<!\b(?:e\.g|i\.e|etc|vs|approx|incl|no)\.)\s+(?=["'(]?[A-Z0-9])/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** At most `max` characters, cut at the end of a sentence or word. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text
  const head = text.slice(0, max - 1)
  const sentence = head.lastIndexOf('. ')
  if (sentence > max * 0.5) return head.slice(0, sentence + 1)
  const space = head.lastIndexOf(' ')
  return `${(space > max * 0.5 ? head.slice(0, space) : head).replace(/[\s,;:.]+$/, '')}…`
}

/** A sentence, ended with a full stop. */
export const sentence = (text: string): string => (text === '' || /[.!?…]$/.test(text) ? text : `${text}.`)
