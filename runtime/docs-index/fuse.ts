/**
 * How little the first ranks stand out. 60 is the value of the paper (Cormack, Clarke and Büttcher, SIGIR 2009), for many
 * rankings; of two, what one puts first must be able to stand against what both put tenth.
 */
const K = 10

/** Reciprocal-rank fusion: what several rankings put near their top comes first. Of equals, the first ranking decides. */
export function fuseRankings(rankings: readonly (readonly string[])[]): string[] {
  const scores = new Map<string, number>()
  for (const ranking of rankings)
    for (const [rank, id] of ranking.entries()) scores.set(id, (scores.get(id) ?? 0) + 1 / (K + rank + 1))
  return [...scores].sort(([, a], [, b]) => b - a).map(([id]) => id)
}
