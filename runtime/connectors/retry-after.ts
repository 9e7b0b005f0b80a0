const MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60

/** Retry-After (RFC 9110, 10.2.3): seconds, or an HTTP date. Undefined when it is neither. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000
  return Number.isFinite(seconds)
    ? Math.min(Math.max(0, Math.ceil(seconds)), MAX_RETRY_AFTER_SECONDS)
    : undefined
}
