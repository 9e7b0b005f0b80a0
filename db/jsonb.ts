import { AppError } from '../core/errors.ts'

/** Escapes JSON allows and `jsonb` does not: NUL, and halves of surrogate pairs (JSON.stringify escapes only lone ones). */
const REFUSED = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** @throws AppError `invalid_input` for what is nested some thousand levels deep, which JSON.stringify does not write */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    if (!(cause instanceof RangeError && /call stack/i.test(cause.message))) throw cause
    throw new AppError('invalid_input', 'A value is nested too deeply to be stored.', {
      hint: 'Give it with fewer levels: a few hundred are always stored.',
      cause,
    })
  }
}

/**
 * A value as text for a `jsonb` parameter. NUL characters and lone surrogates, which Postgres cannot store,
 * become U+FFFD so that a payload holding one is kept rather than refused.
 */
export function toJsonb(value: unknown): string {
  const text = textOf(value ?? null)
  return text.includes('\\u') ? text.replace(REFUSED, '$1\\ufffd') : text
}
