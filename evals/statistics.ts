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

export function rateOf(passed: number, total: number): Rate {
  if (total === 0) return { passed, total, rate: 0, low: 0, high: 1 }
  const share = passed / total
  const scale = 1 + Z ** 2 / total
  const middle = (share + Z ** 2 / (2 * total)) / scale
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / total + Z ** 2 / (4 * total ** 2))
  return { passed, total, rate: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) }
}
