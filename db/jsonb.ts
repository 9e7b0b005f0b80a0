/** Escapes JSON allows and `jsonb` does not: NUL, and halves of surrogate pairs (JSON.stringify escapes only lone ones). */
const REFUSED = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/**
 * A value as text for a `jsonb` parameter. NUL characters and lone surrogates, which Postgres cannot store,
 * become U+FFFD so that a payload holding one is kept rather than refused.
 */
export function toJsonb(value: unknown): string {
  const text = JSON.stringify(value ?? null)
  return text.includes('\\u') ? text.replace(REFUSED, '$1\\ufffd') : text
}
