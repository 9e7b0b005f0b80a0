import { z } from 'zod'

/** How much may run for one customer at once, and how often; the same words at the customer and at the organization. */
export const MaxRunning = z.number().int().min(1).max(100_000)
export const StartsPerMinute = z.number().int().min(1).max(1_000_000)
