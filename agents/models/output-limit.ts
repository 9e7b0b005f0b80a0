import type { ModelSettings } from '../../core/model-settings.ts'
import { statedBy } from './failures.ts'
import { LEAST_OUTPUT_TOKENS } from './grant.ts'

/** Where servers are told how long an answer may be; OpenAI’s own newer models take the second only, others the first. */
export type OutputField = 'max_tokens' | 'max_completion_tokens'

export interface OutputLimit {
  field: OutputField
  tokens: number
}

/** What each model takes, as found out: it holds for all runs. */
export interface OutputLimits {
  /** How to ask for an answer of at most so many tokens. */
  of(model: string, tokens: number): OutputLimit
  /** The server refused a request with this limit. @returns what to ask for instead; undefined when it was not the limit */
  refused(model: string, limit: OutputLimit, cause: unknown): OutputLimit | undefined
}

const NAMED = /max_(?:completion_|output_)?tokens|completion tokens|output tokens|in the completion/i
const UNKNOWN =
  /unsupported|not supported|unrecognized|unknown|unexpected|not permitted|extra (?:inputs|fields)/i

export function buildOutputLimits({ baseUrl }: Pick<ModelSettings, 'baseUrl'>): OutputLimits {
  const fields = new Map<string, OutputField>()
  const switched = new Set<string>()
  const most = new Map<string, number>()
  const own = new URL(baseUrl).hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens'
  const fieldOf = (model: string) => fields.get(model) ?? own
  return {
    of: (model, tokens) => ({
      field: fieldOf(model),
      tokens: Math.min(tokens, most.get(model) ?? tokens),
    }),
    refused(model, limit, cause) {
      const said = refusal(cause)
      if (said === undefined || !NAMED.test(said)) return undefined
      if (UNKNOWN.test(said)) {
        if (switched.has(model))
          return fieldOf(model) === limit.field ? undefined : { ...limit, field: fieldOf(model) }
        switched.add(model)
        const field = limit.field === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'
        fields.set(model, field)
        return { ...limit, field }
      }
      // Longer than the model’s answers may be, or than its context has room for beside the prompt.
      const tokens = Math.floor(limit.tokens / 2)
      if (tokens < LEAST_OUTPUT_TOKENS) return undefined
      most.set(model, Math.min(tokens, most.get(model) ?? tokens))
      return { ...limit, tokens }
    },
  }
}

function refusal(cause: unknown): string | undefined {
  const status = (cause as { status?: unknown } | null)?.status
  return status === 400 || status === 422 ? statedBy(cause) : undefined
}
