import { z } from 'zod'

/** Input fields many tools share, described once. */
export const Limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(200)
  .default(50)
  .describe('How many to return, 1–200.')

export const Cursor = z
  .string()
  .min(1)
  .nullable()
  .default(null)
  .describe('`nextCursor` of the previous page; leave it out for the first.')

export const NextCursor = z
  .string()
  .nullable()
  .describe('Pass it as `cursor` for the next page; null when this was the last.')

export const CustomerRef = z.string().min(1).describe("A customer's id (cus_…) or slug.")
export const ConnectorRef = z.string().min(1).describe("A connector's slug or id (con_…).")
export const WorkflowRef = z.string().min(1).describe("A workflow's slug or id (wf_…).")
export const EnvironmentSlug = z
  .string()
  .min(1)
  .describe('An environment: dev, staging, production, or a custom one.')

export const Timestamp = z
  .date()
  .transform((date) => date.toISOString())
  .or(z.iso.datetime())
  .describe('ISO 8601 time in UTC.')

export const ResourceSlug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens')
  .max(64)

/** `My Shop, Inc.` → `my-shop-inc`; never empty. */
export function slugFrom(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
    .replace(/-+$/, '')
  return slug === '' ? 'unnamed' : slug
}

/** Cuts a list fetched with `limit + 1` rows into a page and the cursor of the next. */
export function page<R extends { id: string }>(
  rows: readonly R[],
  limit: number,
): { rows: R[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit)
  return { rows: shown, nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null }
}
