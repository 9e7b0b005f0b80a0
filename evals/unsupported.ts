import type { Attempt } from './suite.ts'

/** Shorter texts and numbers turn up by chance, or are counted and reckoned. */
const MIN_CHARS = 5

/**
 * Values in what a policy says came out that neither its task nor any tool gave it: made-up data. Only what looks like
 * data is searched for (ids, addresses, numbers of five digits and more, times), not prose.
 */
export function unsupportedValues(attempt: Attempt, situation: unknown): string[] {
  if (attempt.answer === undefined) return []
  const given = [
    textOf(situation),
    ...(attempt.trajectory ?? [])
      .filter(({ kind }) => kind === 'tool')
      .map(({ output, error }) => `${textOf(output)} ${error ?? ''}`),
  ]
    .join('\n')
    .toLowerCase()
  const claimed = new Set(textsIn(attempt.answer).flatMap((text) => text.match(DATA) ?? []))
  return [...claimed].filter((value) => !given.includes(value.toLowerCase()))
}

/** A word with a digit in it, or an address of mail or the web. */
const DATA = new RegExp(
  `[\\w.+-]+@[\\w-]+\\.[\\w.]*\\w|https?://[^\\s"'<>)\\]]*[\\w/]|(?=[\\w.:-]{${MIN_CHARS}})(?=[\\w.:-]*\\d)\\w[\\w.:-]*\\w`,
  'g',
)

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, (_, inner) => plain(inner)) ?? '')

/** Functions and the like are not what anybody was told. */
const plain = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}
