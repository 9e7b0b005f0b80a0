import { z } from 'zod'
import { Secret } from './secret.ts'

/** USD per million tokens. */
const price = z.strictObject({
  input: z.number().min(0),
  cachedInput: z.number().min(0).optional(),
  output: z.number().min(0),
})
export type ModelPrice = z.infer<typeof price>

export interface ModelSettings {
  /** An OpenAI-compatible API, without a trailing slash: `https://api.openai.com/v1`. */
  baseUrl: string
  apiKey: Secret | undefined
  tiers: { plan: string; build: string; small: string }
  prices: Readonly<Record<string, ModelPrice>>
  /** Most tokens sent with one call, as estimated. */
  contextTokens: number
  /** Longest answer asked for. */
  maxOutputTokens: number
  /** Mark in requests what the provider is to keep in its prompt cache? */
  markCache: boolean
}

const OPENAI = 'https://api.openai.com/v1'

const prices = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue({
        code: 'custom',
        message: 'is no JSON, e.g. {"my-model":{"input":1.25,"cachedInput":0.13,"output":10}}',
      })
      return z.NEVER
    }
  })
  .pipe(z.record(z.string(), price))

/** The settings of the model that drives the agents, as they stand in the environment. */
export const modelEnvironment = {
  PATCHBAY_MODEL_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      `Address of the OpenAI-compatible API whose models drive the agents; ${OPENAI} when only a key is set.`,
    ),
  PATCHBAY_MODEL_API_KEY: z
    .string()
    .min(1)
    .optional()
    .describe('Key of that API, when it takes one. Sent to that address only; never logged or shown.'),
  PATCHBAY_MODEL: z.string().min(1).optional().describe('Model of every tier that has none of its own.'),
  PATCHBAY_MODEL_PLAN: z.string().min(1).optional().describe('Model that plans and decides.'),
  PATCHBAY_MODEL_BUILD: z.string().min(1).optional().describe('Model that writes definitions and code.'),
  PATCHBAY_MODEL_SMALL: z.string().min(1).optional().describe('Model that sorts and sums up.'),
  PATCHBAY_MODEL_PRICES: prices
    .optional()
    .describe(
      'What models cost, as JSON, in USD per million tokens: {"my-model":{"input":1.25,"cachedInput":0.13,"output":10}}. Needed for budgets in money.',
    ),
  PATCHBAY_MODEL_CONTEXT_TOKENS: z.coerce
    .number()
    .int()
    .min(2_000)
    .max(2_000_000)
    .optional()
    .describe('Most tokens sent with one call (estimated at 4 characters each); 64000 when not set.'),
  PATCHBAY_MODEL_MAX_OUTPUT_TOKENS: z.coerce
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .optional()
    .describe(
      'Longest answer asked for with one call, in tokens, thinking included; 32000 when not set. Budgets hold as much while a call is under way.',
    ),
  PATCHBAY_MODEL_PROMPT_CACHE: z
    .enum(['automatic', 'marked'])
    .optional()
    .describe(
      'How the provider caches prompts: automatic (by how they begin) when not set; marked for those that cache only what is marked with cache_control, such as Claude models behind OpenRouter or LiteLLM.',
    ),
}
type ModelEnvironment = z.output<z.ZodObject<typeof modelEnvironment>>

export const DEFAULT_CONTEXT_TOKENS = 64_000
export const DEFAULT_MAX_OUTPUT_TOKENS = 32_000

/** @returns the settings, undefined when no model is configured, or what keeps them from taking effect. */
export function readModelSettings(env: ModelEnvironment): ModelSettings | undefined | { problems: string[] } {
  const set = Object.keys(modelEnvironment).filter(
    (name) => env[name as keyof ModelEnvironment] !== undefined,
  )
  if (set.length === 0) return undefined
  if (env.PATCHBAY_MODEL_BASE_URL === undefined && env.PATCHBAY_MODEL_API_KEY === undefined) {
    return {
      problems: [`${set[0]}: has no effect without PATCHBAY_MODEL_BASE_URL or PATCHBAY_MODEL_API_KEY`],
    }
  }
  const baseUrl = (env.PATCHBAY_MODEL_BASE_URL ?? OPENAI).replace(/\/+$/, '')
  const own = [env.PATCHBAY_MODEL_PLAN, env.PATCHBAY_MODEL_BUILD, env.PATCHBAY_MODEL_SMALL] as const
  const [plan, build, small] = own.map((name) => name ?? env.PATCHBAY_MODEL)
  const problems: string[] = []
  if (env.PATCHBAY_MODEL !== undefined && own.every((name) => name !== undefined))
    problems.push('PATCHBAY_MODEL: has no effect, as every tier has a model of its own')
  if (baseUrl === OPENAI && env.PATCHBAY_MODEL_API_KEY === undefined)
    problems.push(`PATCHBAY_MODEL_API_KEY: required with ${OPENAI}`)
  if (/[?#]/.test(baseUrl)) problems.push('PATCHBAY_MODEL_BASE_URL: must end with its path, without ? or #')
  if (new URL(baseUrl).username !== '')
    problems.push('PATCHBAY_MODEL_BASE_URL: must hold no user; the key goes into PATCHBAY_MODEL_API_KEY')
  if (plan === undefined || build === undefined || small === undefined) {
    problems.push('PATCHBAY_MODEL: required, unless _PLAN, _BUILD and _SMALL are all set')
    return { problems }
  }
  for (const model of Object.keys(env.PATCHBAY_MODEL_PRICES ?? {})) {
    if (![plan, build, small].includes(model))
      problems.push(`PATCHBAY_MODEL_PRICES: '${model}' is the model of no tier`)
  }
  if (problems.length > 0) return { problems }
  return {
    baseUrl,
    apiKey: env.PATCHBAY_MODEL_API_KEY === undefined ? undefined : new Secret(env.PATCHBAY_MODEL_API_KEY),
    tiers: { plan, build, small },
    prices: env.PATCHBAY_MODEL_PRICES ?? {},
    contextTokens: env.PATCHBAY_MODEL_CONTEXT_TOKENS ?? DEFAULT_CONTEXT_TOKENS,
    maxOutputTokens: env.PATCHBAY_MODEL_MAX_OUTPUT_TOKENS ?? DEFAULT_MAX_OUTPUT_TOKENS,
    markCache: env.PATCHBAY_MODEL_PROMPT_CACHE === 'marked',
  }
}
