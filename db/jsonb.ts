/**
 * The JSON text of a value as jsonb takes it: NUL characters and lone surrogates, which JSON allows and
 * Postgres refuses, become U+FFFD.
 */
export function jsonb(value: unknown): string {
  const text = JSON.stringify(value)
  if (!/\\u(?:0000|d)/.test(text)) return text
  // JSON.stringify escapes surrogates only when they stand alone; `\\.` steps over every other escape.
  return text.replace(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (match) =>
    /^\\u(?:0000|d)/.test(match) ? '\ufffd' : match,
  )
}
