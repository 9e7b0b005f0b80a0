import { z } from 'zod'
import type { ConfigRow } from '../../db/configs.ts'
import { EnvironmentSlug, Timestamp } from '../params.ts'

export const ConfigKey = z
  .string()
  .trim()
  .min(1)
  .max(512)
  .describe('Key, as workflows ask for it: `ctx.config.get("tax_rate")`.')

export const ConfigEnvironment = EnvironmentSlug.describe('Environment it is for, e.g. dev or production.')

export const Config = z.object({
  environment: z.string(),
  key: z.string(),
  value: z.unknown().describe('Any JSON.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toConfig = (row: ConfigRow) => ({
  environment: row.environment,
  key: row.key,
  value: row.value,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
