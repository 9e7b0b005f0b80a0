import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Json, JsonObject } from '../../core/json.ts'
import type { RetryPolicy } from '../../db/executions.ts'
import { valueAt } from '../conditions/condition.ts'
import { Subscribed } from './subscribed.ts'

export const verificationSchemes = [
  'none',
  'api_key',
  'hmac_sha256',
  'standard_webhooks',
  'github',
  'stripe',
  'shopify',
  'slack',
] as const
export type VerificationScheme = (typeof verificationSchemes)[number]

/** The window a signed timestamp must fall in, both ways. */
export const DEFAULT_TOLERANCE_SECONDS = 300
export const DEFAULT_API_KEY_HEADER = 'x-api-key'
const MAX_KEY_LENGTH = 255

const HeaderName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be a header name')
  .transform((name) => name.toLowerCase())

/** Which options a scheme has; anything else given with it would be without effect and is refused. */
const optionsOf: Record<VerificationScheme, readonly string[]> = {
  none: [],
  api_key: ['header', 'prefix'],
  hmac_sha256: ['header', 'prefix', 'encoding', 'signedPayload', 'timestampHeader', 'toleranceSeconds'],
  standard_webhooks: ['toleranceSeconds'],
  github: [],
  stripe: ['toleranceSeconds'],
  shopify: [],
  slack: ['toleranceSeconds'],
}

export const Verification = z
  .object({
    scheme: z
      .enum(verificationSchemes)
      .default('api_key')
      .describe(
        'How a delivery proves where it comes from: api_key (a shared key in a header), hmac_sha256 (describe the signature with the other fields), a preset (standard_webhooks, github, stripe, shopify, slack), or none (anybody who knows the URL may post).',
      ),
    header: HeaderName.optional().describe(
      `Header with the signature (hmac_sha256, required) or the key (api_key; ${DEFAULT_API_KEY_HEADER} when left out).`,
    ),
    prefix: z
      .string()
      .max(40)
      .optional()
      .describe('Text before the signature or key in the header, e.g. "sha256=" or "Bearer ".'),
    encoding: z
      .enum(['hex', 'base64'])
      .optional()
      .describe('Of an hmac_sha256 signature; hex when left out.'),
    signedPayload: z
      .string()
      .max(100)
      .optional()
      .describe(
        'What hmac_sha256 signs: "{body}" (the default), "{timestamp}.{body}", or another template of these two.',
      ),
    timestampHeader: HeaderName.optional().describe(
      'Header with the signed time in Unix seconds or milliseconds; required when signedPayload has {timestamp}.',
    ),
    toleranceSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe(`How far a signed time may be off, both ways; ${DEFAULT_TOLERANCE_SECONDS} when left out.`),
  })
  .superRefine((verification, ctx) => {
    const refuse = (field: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [field], message })
    const allowed = optionsOf[verification.scheme]
    for (const [field, value] of Object.entries(verification)) {
      if (field === 'scheme' || value === undefined || allowed.includes(field)) continue
      refuse(field, `has no effect with the scheme ${verification.scheme}: leave it out.`)
    }
    if (verification.scheme !== 'hmac_sha256') return
    if (verification.header === undefined) refuse('header', 'names the header the signature comes in.')
    const placeholders: readonly string[] = (verification.signedPayload ?? '{body}').match(/\{[^}]*\}/g) ?? []
    const unknown = placeholders.filter((one) => one !== '{body}' && one !== '{timestamp}')
    if (unknown.length > 0 || placeholders.filter((one) => one === '{body}').length !== 1)
      refuse('signedPayload', 'holds {body} once, may hold {timestamp}, and no other placeholder.')
    const timestamped = placeholders.includes('{timestamp}')
    if (timestamped && verification.timestampHeader === undefined)
      refuse('timestampHeader', 'names the header with the {timestamp} that signedPayload holds.')
    for (const field of ['timestampHeader', 'toleranceSeconds'] as const) {
      if (!timestamped && verification[field] !== undefined)
        refuse(field, 'protects only when the time is signed: put {timestamp} into signedPayload.')
    }
  })
export type Verification = z.output<typeof Verification>

export const Deduplication = z
  .object({
    enabled: z.boolean().default(true).describe('False runs a delivery as often as it is sent.'),
    header: HeaderName.optional().describe('Header whose value names a delivery.'),
    payloadPath: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Dot path to the payload field whose value names a delivery, e.g. "data.id".'),
  })
  .superRefine((deduplication, ctx) => {
    if (deduplication.header !== undefined && deduplication.payloadPath !== undefined)
      ctx.addIssue({
        code: 'custom',
        path: ['payloadPath'],
        message: 'Give header or payloadPath, not both.',
      })
    for (const field of ['header', 'payloadPath'] as const) {
      if (!deduplication.enabled && deduplication[field] !== undefined)
        ctx.addIssue({ code: 'custom', path: [field], message: 'has no effect when enabled is false.' })
    }
  })
export type Deduplication = z.output<typeof Deduplication>

export const Challenge = z
  .object({
    field: z
      .string()
      .min(1)
      .max(200)
      .describe('Dot path to the payload field that tells it from events, e.g. "type".'),
    value: z.string().max(200).describe('What that field holds, e.g. "url_verification".'),
    answerField: z
      .string()
      .min(1)
      .max(200)
      .describe('The payload field that is sent back, under its own name, e.g. "challenge".'),
  })
  .describe('A question a sender asks to see that the URL is right: answered, not run.')
export type Challenge = z.output<typeof Challenge>

const SLACK_CHALLENGE: Challenge = { field: 'type', value: 'url_verification', answerField: 'challenge' }

/** The answer to a sender's question, when the payload is one. */
export function challengeAnswer(
  config: Pick<WebhookConfig, 'verification' | 'challenge'>,
  payload: Json,
): JsonObject | null {
  const asked = config.challenge ?? (config.verification.scheme === 'slack' ? SLACK_CHALLENGE : null)
  if (asked === null || valueAt(payload, asked.field) !== asked.value) return null
  const value = valueAt(payload, asked.answerField)
  return typeof value === 'string' ? { [asked.answerField]: value } : null
}

export const DeliveryAttempts = z
  .object({
    maxAttempts: z
      .number()
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe('How often an execution of this webhook is tried, the first time included.'),
    backoff: z
      .enum(['exponential', 'linear', 'fixed'])
      .default('exponential')
      .describe('How the waits grow: 1 s, 2 s, 4 s …; 1 s, 2 s, 3 s …; or always the same.'),
    intervalMs: z.number().int().min(0).max(3_600_000).default(1_000).describe('The first wait.'),
    maxIntervalMs: z.number().int().min(0).max(3_600_000).default(60_000).describe('The longest wait.'),
  })
  .refine(({ intervalMs, maxIntervalMs }) => maxIntervalMs >= intervalMs, {
    path: ['maxIntervalMs'],
    message: 'must not be less than intervalMs',
  })
export type DeliveryAttempts = z.output<typeof DeliveryAttempts>

/** The same as a workflow's retry policy, which it takes the place of. */
export const retryPolicyOf = ({
  maxAttempts,
  backoff,
  intervalMs,
  maxIntervalMs,
}: DeliveryAttempts): RetryPolicy => ({
  maxAttempts,
  initialIntervalMs: intervalMs,
  backoffCoefficient: backoff === 'fixed' ? 1 : 2,
  maxIntervalMs,
  backoff: backoff === 'linear' ? 'linear' : 'exponential',
})

export const RunMode = z
  .enum(['parallel', 'sequential'])
  .describe(
    'parallel: what arrives runs at once. sequential: one after the other in the order of arrival, the next when the one before has ended, its retries included.',
  )

/** The `config` of a webhook trigger as it is stored. */
export const WebhookConfig = z.object({
  verification: Verification,
  deduplication: Deduplication,
  deadLetter: z.boolean(),
  /** Null: as the workflow's retry policy says. */
  attempts: DeliveryAttempts.nullable().default(null),
  challenge: Challenge.nullable().default(null),
  mode: RunMode.default('parallel'),
  subscription: Subscribed.nullable().default(null),
})
export type WebhookConfig = z.output<typeof WebhookConfig>

type KeySource = { header: string } | { payloadPath: string }

/** Where each scheme's senders put the id that stays the same when a delivery is sent again. */
const deliveryIdOf: Partial<Record<VerificationScheme, KeySource>> = {
  standard_webhooks: { header: 'webhook-id' },
  github: { header: 'x-github-delivery' },
  stripe: { payloadPath: 'id' },
  shopify: { header: 'x-shopify-webhook-id' },
  slack: { payloadPath: 'event_id' },
}

/** What deliveries of this webhook are told apart by, or null when each counts. */
export function deduplicationSource(
  config: Pick<WebhookConfig, 'verification' | 'deduplication'>,
): KeySource | null {
  const { enabled, header, payloadPath } = config.deduplication
  if (!enabled) return null
  if (header !== undefined) return { header }
  if (payloadPath !== undefined) return { payloadPath }
  return deliveryIdOf[config.verification.scheme] ?? null
}

/**
 * The text that makes a delivery the same as an earlier one. Long values are hashed, so a key has at most
 * 255 characters.
 * @param headers with lower-case names
 * @returns null when deliveries are not deduplicated, or this one carries no id
 */
export function deliveryKey(
  config: Pick<WebhookConfig, 'verification' | 'deduplication'>,
  headers: Readonly<Record<string, string>>,
  payload: Json,
): string | null {
  const source = deduplicationSource(config)
  if (source === null) return null
  const value =
    'header' in source
      ? Object.hasOwn(headers, source.header)
        ? headers[source.header]
        : undefined
      : valueAt(payload, source.payloadPath)
  if ((typeof value !== 'string' && typeof value !== 'number') || value === '') return null
  const key = String(value)
  // NUL cannot be stored as text; hashing keeps such a value apart from others.
  if (key.length <= MAX_KEY_LENGTH && !key.includes('\0') && key.isWellFormed()) return key
  return `sha256:${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`
}
