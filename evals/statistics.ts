export interface Rate {
  passed: number
  total: number
  /** passed / total; 0 of nothing. */
  rate: number
  /** 95 % confidence interval by Wilson (1927), which holds near 0 and 1 and for few tries. */
  low: number
  high: number
}

/** Two-sided 95 % of the normal distribution. */
const Z = 1.959964

/**
 * @param independent how many of the tries count for the interval: trials of one task are not independent of each
 * other, so that it is the number of tasks; all unless given
 */
export function rateOf(passed: number, total: number, independent = total): Rate {
  if (total === 0) return { passed, total, rate: 0, low: 0, high: 1 }
  const share = passed / total
  const scale = 1 + Z ** 2 / independent
  const middle = (share + Z ** 2 / (2 * independent)) / scale
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / independent + Z ** 2 / (4 * independent ** 2))
  return { passed, total, rate: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) }
}

/**
 * pass^k of one task: the chance that k trials drawn from those made all passed, C(passed, k) / C(trials, k).
 * @returns undefined when fewer than k trials were made
 */
export function passHatK(passed: number, trials: number, k: number): number | undefined {
  if (k > trials) return undefined
  let chance = 1
  for (let drawn = 0; drawn < k; drawn += 1) chance *= Math.max(0, passed - drawn) / (trials - drawn)
  return chance
}

/** Fewest pairs that differ with which p can fall below 0.05: 2 / 2^6 = 0.031. */
export const FEWEST_DIFFERING = 6
export const SIGNIFICANT = 0.05

/**
 * Two-sided p of the exact sign test: how likely so uneven a split is when both directions are equally likely. Of pairs
 * that passed or failed it is McNemar's exact test. Pairs that are equal count for neither side.
 */
export function signTest(up: number, down: number): number {
  const differing = up + down
  if (differing === 0) return 1
  // Beyond a thousand pairs 0.5^n is 0 to a computer; its logarithm is not.
  let logTerm = -differing * Math.LN2
  let sum = 0
  for (let k = 0; k <= Math.min(up, down); k += 1) {
    sum += Math.exp(logTerm)
    logTerm += Math.log(differing - k) - Math.log(k + 1)
  }
  return Math.min(1, 2 * sum)
}
