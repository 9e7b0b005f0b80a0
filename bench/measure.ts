/** Small tools of measuring: closed-loop load, percentiles, medians over rounds. */

export interface Figures {
  perSecond: number
  p50Ms: number
  p99Ms: number
}

/** Runs `work` `total` times with `concurrency` in flight; every call is timed. */
export async function closedLoop(
  total: number,
  concurrency: number,
  work: (index: number) => Promise<unknown>,
): Promise<Figures> {
  const times: number[] = []
  let next = 0
  const lane = async () => {
    while (next < total) {
      const index = next++
      const startedAt = performance.now()
      await work(index)
      times.push(performance.now() - startedAt)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: concurrency }, lane))
  return figures(times, performance.now() - startedAt)
}

export function figures(times: number[], elapsedMs: number): Figures {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { perSecond: (times.length / elapsedMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99) }
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/**
 * Measures two things in turn, A B A B …, so that a machine whose speed drifts does not favour one.
 * @returns the round with the median rate of each, and the median of the rounds' ratios ours/limit
 */
export async function compare(
  rounds: number,
  ours: () => Promise<Figures>,
  limit: () => Promise<Figures>,
): Promise<{ ours: Figures; limit: Figures; ratio: number }> {
  await ours() // warm-up, not counted
  await limit()
  const pairs: { ours: Figures; limit: Figures }[] = []
  for (let round = 0; round < rounds; round += 1) pairs.push({ ours: await ours(), limit: await limit() })
  const middle = (pick: (pair: (typeof pairs)[number]) => Figures) => {
    const target = median(pairs.map((pair) => pick(pair).perSecond))
    return pick(pairs.find((pair) => pick(pair).perSecond === target) as (typeof pairs)[number])
  }
  return {
    ours: middle((pair) => pair.ours),
    limit: middle((pair) => pair.limit),
    ratio: median(pairs.map((pair) => pair.ours.perSecond / pair.limit.perSecond)),
  }
}
