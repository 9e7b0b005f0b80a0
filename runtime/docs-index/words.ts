const WORD = /[\p{L}\p{N}][\p{L}\p{N}_./:$-]*/gu
const PARTS = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lo}+|\p{N}+/gu
const MAX_TERMS = 32

/** `refreshToken`, `/files/{id}/content`, `box-version` → their parts; nothing for a plain word. */
const partsOf = (word: string): string[] => {
  const parts = word.match(PARTS) ?? []
  return parts.length > 1 ? parts : []
}

/** The parts of all identifiers of a text, for the full-text index beside the text itself. */
export function identifierParts(text: string): string {
  const parts = new Set<string>()
  for (const [word] of text.matchAll(WORD)) for (const part of partsOf(word)) parts.add(part.toLowerCase())
  return [...parts].join(' ')
}

/**
 * The words of a question, each once, identifiers also by their parts: what is looked for in the full-text index, any
 * of them. Stop words stay in; the database knows them.
 */
export function termsOf(query: string): string[] {
  const terms = new Set<string>()
  for (const [word] of query.matchAll(WORD)) {
    terms.add(word.replace(/[./:$-]+$/, '').toLowerCase())
    for (const part of partsOf(word)) terms.add(part.toLowerCase())
  }
  return [...terms].slice(0, MAX_TERMS)
}
