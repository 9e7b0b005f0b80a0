/** Prose of a specification as plain text on one line: no HTML, no Markdown links, no code fences. */
export function plainText(text: string | undefined): string {
  if (text === undefined) return ''
  return text
    .slice(0, 20_000)
    .replace(/```[^`]*```/g, ' ')
    .replace(/<[^<>]{0,2000}>/g, ' ')
    .replace(/!?\[([^[\]]{0,500})\]\([^()]{0,2000}\)/g, '$1')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/^#{1,6}\s+/gm, '')
    .replace(/\*\*/g, '')
    .replace(/\s+/g, ' ')
    .trim()
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
