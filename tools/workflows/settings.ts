import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Tier as TierName } from '../../db/executions.ts'
import { MAX_TIMEOUT_MS } from '../../runtime/executions/tiers.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const MAX_SCHEMA_LENGTH = 100_000

/** How long a run may take, by tier. */
const timeouts: Record<TierName, { default: number; max: number }> = {
  instant: { default: 30 * SECOND_MS, max: MAX_TIMEOUT_MS.instant },
  standard: { default: 2 * MINUTE_MS, max: MAX_TIMEOUT_MS.standard },
  long: { default: 15 * MINUTE_MS, max: MAX_TIMEOUT_MS.long },
}

export const Tier = z
  .enum(['instant', 'standard', 'long'])
  .describe(
    'instant: up to 60 s, run_workflow waits for the result. standard: up to 15 min, in the background. long: up to 36 h, in the background.',
  )

export const Code = z
  .string()
  .min(1)
  .describe(
    'JavaScript or TypeScript: `export default async (ctx) => output`. No imports; everything comes from ctx (ctx.input, ctx.connectors.<slug>.<action>(…), ctx.state, ctx.log …).',
  )

export const TimeoutMs = z
  .number()
  .int()
  .min(100)
  .describe(
    'A run is stopped after this many milliseconds, sleeping and waiting not counted. Default and most by tier: instant 30 s, 60 s; standard 2 min, 15 min; long 15 min, 36 h.',
  )

export const RetryPolicy = z
  .object({
    maxAttempts: z
      .number()
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe('How often a run is tried, the first time included.'),
    initialIntervalMs: z
      .number()
      .int()
      .min(0)
      .max(HOUR_MS)
      .default(5_000)
      .describe('Wait before the second attempt.'),
    backoffCoefficient: z
      .number()
      .min(1)
      .max(10)
      .default(2)
      .describe('Each wait is this many times the last.'),
    maxIntervalMs: z.number().int().min(0).max(HOUR_MS).default(60_000).describe('Longest wait.'),
  })
  .refine((retry) => retry.maxIntervalMs >= retry.initialIntervalMs, {
    path: ['maxIntervalMs'],
    message: 'must not be less than initialIntervalMs',
  })

export const Concurrency = z
  .object({
    limit: z.number().int().min(1).max(10_000).describe('At most so many run at once in an environment.'),
    key: z
      .string()
      .max(200)
      .regex(/^input(\.[A-Za-z0-9_-]+)+$/, 'is a path into the input, such as input.order.id')
      .nullable()
      .default(null)
      .describe('Path into the input, e.g. "input.order.id": only runs with the same value count together.'),
    hold: z
      .enum(['while_running', 'until_ended'])
      .default('while_running')
      .describe(
        'while_running: one that sleeps, waits or is to be tried again makes way. until_ended: the next begins when it has ended, its retries included, and each customer’s runs count by themselves: what looks whether something is there before it makes it needs this, with limit 1 and a key. Runs that began before this was changed are not counted with those after.',
      ),
  })
  .describe(
    'How many of its runs may be under way at once, over all servers; the others wait, and customers take turns.',
  )

export const StartRate = z
  .object({
    limit: z.number().int().min(1).max(1_000_000).describe('At most so many starts …'),
    seconds: z.number().int().min(1).max(86_400).describe('… in a window of so many seconds.'),
  })
  .describe(
    'How often it may start in an environment, over all servers. What comes over that starts in a later window; an instant run is refused with 429 instead.',
  )

export const Reach = z
  .object({
    actions: z
      .array(z.string().regex(/^[a-z][a-zA-Z0-9]*\.[a-z][a-z0-9_]*$/, 'is connector.action'))
      .max(500)
      .describe('Actions it may call, as connector.action.'),
    fetch: z.boolean().default(false).describe('ctx.fetch: any public address.'),
    secrets: z.boolean().default(false).describe('ctx.secrets.'),
    workflows: z
      .boolean()
      .default(false)
      .describe('Run and start other workflows, send events, change configs.'),
  })
  .describe(
    'Keeps its code to these actions of apps and parts of ctx, whatever the code says; its own stores and files it has always. For code nobody has read, such as a model’s.',
  )

export const EscalateOnTimeout = z
  .boolean()
  .describe(
    'A run that takes too long goes on in the next longer tier, with what it did taken as done; an instant one then comes back queued.',
  )

export const InputSchema = z
  .record(z.string(), z.unknown())
  .describe(
    'JSON Schema (draft 2020-12) of the input. Who starts a run with another input (run_workflow, another workflow) is refused. What webhooks and schedulers start is not checked, since nobody is there to be refused: a route’s filter chooses deliveries, and the code says what it does with others. Patterns with lookaround or backreferences are not checked.',
  )

/**
 * The timeout to use: the one asked for, or the tier's default.
 * @throws AppError `invalid_input` when the tier does not allow it
 */
export function timeoutFor(tier: TierName, asked: number | undefined): number {
  const { default: standard, max } = timeouts[tier]
  if (asked === undefined) return standard
  if (asked <= max) return asked
  throw invalidInput(`A workflow of the tier '${tier}' may run ${max} ms at most.`, {
    where: 'timeoutMs',
    hint: tier === 'long' ? 'Ask for less.' : 'Ask for less, or choose a longer tier.',
  })
}

/** @throws AppError `invalid_input` when no input could be checked with this schema */
export function checkInputSchema(schema: Record<string, unknown>): JsonObject {
  const text = JSON.stringify(schema)
  if (text.length > MAX_SCHEMA_LENGTH)
    throw invalidInput(`An input schema may have ${MAX_SCHEMA_LENGTH} characters at most.`, {
      where: 'inputSchema',
      hint: 'Make it shorter; descriptions and examples may be left out.',
    })
  try {
    new Ajv2020({ strict: false, validateFormats: false, ownProperties: true }).compile(schema)
  } catch (error) {
    throw invalidInput(`The input schema cannot be used: ${(error as Error).message}`, {
      where: 'inputSchema',
      hint: 'Give a JSON Schema of draft 2020-12 that refers to nothing outside itself.',
      cause: error,
    })
  }
  return JSON.parse(text) as JsonObject
}
