import { z } from 'zod'

export const Issue = z.object({
  line: z.number().int().nullable().describe('From 1; null when the issue is not about one place.'),
  column: z.number().int().nullable().describe('From 1.'),
  message: z.string(),
  hint: z.string().nullable().describe('What to do about it.'),
})
