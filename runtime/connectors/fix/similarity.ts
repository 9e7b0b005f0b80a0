/** Words of a name, whatever its case and separators: `pageSize`, `page_size` and `Page-Size` are the same. */
export const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => (word.length > 3 ? word.replace(/s$/, '') : word))

/** How alike two names are, 0 to 1: their words, and where those differ, their pairs of letters. */
export function likeness(left: string, right: string): number {
  const [a, b] = [wordsOf(left), wordsOf(right)]
  if (a.join(' ') === b.join(' ')) return 1
  return Math.max(dice(a, b), dice(pairsOf(a.join('')), pairsOf(b.join(''))) * 0.95)
}

/** The share of two lists that is in both (Sørensen and Dice). */
export function dice(left: readonly string[], right: readonly string[]): number {
  if (left.length + right.length === 0) return 1
  const counts = new Map<string, number>()
  for (const one of left) counts.set(one, (counts.get(one) ?? 0) + 1)
  let shared = 0
  for (const one of right) {
    const count = counts.get(one) ?? 0
    if (count === 0) continue
    counts.set(one, count - 1)
    shared += 1
  }
  return (2 * shared) / (left.length + right.length)
}

const pairsOf = (text: string): string[] =>
  Array.from({ length: Math.max(0, text.length - 1) }, (_, index) => text.slice(index, index + 2))
