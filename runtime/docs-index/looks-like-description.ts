const START_CHARS = 4_000
/** A line that may stand before the first key of a YAML document. */
const BEFORE = /^(?:\s*|#.*|---)$/
const FIRST_KEY = /^(?:openapi|swagger)\s*:/

/**
 * Does a text begin as an API description does: JSON, or YAML whose first key says so? Looked at line by line: one
 * pattern for it all would try every way to split the blank lines a hostile page begins with.
 */
export function looksLikeDescription(text: string): boolean {
  const start = text.slice(0, START_CHARS)
  if (start.trimStart().startsWith('{')) return true
  const first = start.split('\n').find((line) => !BEFORE.test(line))
  return first !== undefined && FIRST_KEY.test(first)
}
