/**
 * How little the first ranks stand out. 60 is the value of the paper (Cormack, Clarke and Büttcher, SIGIR 2009), for many
 * rankings; of two, what one puts first must be able to stand against what both put tenth.
 */
const K = 10

/**
 * Reciprocal-rank fusion of rankings (ids, the best first): what several put near their top comes first. Of equals, the
 * first ranking decides.
 */
export function fuseRankings(rankings: readonly (readonly string[])[]): string[] {
  const scores = new Map<string, number>()
  for (const ids of rankings)
    for (const [rank, id] of ids.entries()) scores.set(id, (scores.get(id) ?? 0) + 1 / (K + rank + 1))
  return [...scores].sort(([, a], [, b]) => b - a).map(([id]) => id)
}

/** The best of each group first, then the others, both in their order. */
export function firstOfEach<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const seen = new Set<string>()
  const others: T[] = []
  const first = items.filter((item) => {
    const group = groupOf(item)
    if (!seen.has(group)) return seen.add(group)
    others.push(item)
    return false
  })
  return [...first, ...others]
}
