import type { z } from 'zod'

/** What is wrong with one field. */
export interface Issue {
  /** `order.lines.0.sku`; the name of the whole when it is wrong. */
  where: string
  message: string
}

export const issuesOf = (error: z.ZodError, whole: string): Issue[] =>
  error.issues.map(({ path, message }) => ({
    where: path.length === 0 ? whole : path.map(String).join('.'),
    message,
  }))

export const inOneLine = (issues: readonly Issue[]): string =>
  issues.map(({ where, message }) => `${where}: ${message}`).join('; ')

/** Zod says "expected string, received undefined" of a field that was left out, which is not how its sender sees it. */
export const missing: z.core.$ZodErrorMap = (issue) =>
  issue.code === 'invalid_type' && issue.input === undefined ? 'is required' : undefined
