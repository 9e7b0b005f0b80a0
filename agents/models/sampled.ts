import { AppError } from '../../core/errors.ts'
import type { ModelAnswer, ModelRequest } from '../../db/model-requests.ts'
import type { ModelTier } from './models.ts'
import { estimateTokens, type TurnProvider, turnText } from './turn.ts'

/** Asks the model of the MCP client that stays with a run. @throws AppError `unavailable` when none does */
export type AskClient = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>

/** What a client chooses among its models by. */
const PREFERENCES: Record<ModelTier, ModelRequest['preferences']> = {
  plan: { intelligence: 1, speed: 0.2 },
  build: { intelligence: 0.9, speed: 0.3 },
  small: { intelligence: 0.3, speed: 1 },
}

/** Clients take text alone: tools and the schemas of answers are told in words. They count no tokens, so they are estimated. */
export function buildSampledProvider(ask: AskClient): TurnProvider {
  return {
    async ask(turn, { signal, token, outputTokens }) {
      const answer = await ask(
        {
          system: turn.system,
          messages: turn.messages.map(({ role, content }) => ({
            role: role === 'assistant' ? ('assistant' as const) : ('user' as const),
            text: content,
          })),
          maxTokens: outputTokens(),
          preferences: PREFERENCES[turn.model as ModelTier],
        },
        signal,
      )
      if ('error' in answer) {
        const { code, message, ...details } = answer.error
        throw new AppError(code, message, details)
      }
      const { text, model } = answer
      token(text)
      return {
        text,
        toolCalls: [],
        cutOff: false,
        model,
        usage: {
          inputTokens: estimateTokens(turnText(turn)),
          cachedInputTokens: 0,
          outputTokens: estimateTokens(text),
        },
      }
    },
  }
}
