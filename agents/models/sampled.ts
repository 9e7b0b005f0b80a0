import { AppError } from '../../core/errors.ts'
import type { ModelTier } from './models.ts'
import type { SamplingPort } from './sampling.ts'
import { estimateTokens, type TurnProvider, turnText } from './turn.ts'

const MAX_ANSWER_TOKENS = 8_000
const PREFERENCES: Record<ModelTier, { intelligence: number; speed: number }> = {
  plan: { intelligence: 1, speed: 0.2 },
  build: { intelligence: 0.9, speed: 0.3 },
  small: { intelligence: 0.3, speed: 1 },
}

/** The model of the MCP client. It takes text only: tools and answer schemas are described in words. It counts no tokens, so they are estimated. */
export function buildSampledProvider(port: SamplingPort): TurnProvider {
  return {
    native: false,
    async ask(turn, { signal, token }) {
      const messages = turn.messages.map((message) => ({
        role: message.role === 'assistant' ? ('assistant' as const) : ('user' as const),
        text: message.content,
      }))
      const tier = turn.model as ModelTier
      const answer = await port.createMessage(
        { system: turn.system, messages, maxTokens: MAX_ANSWER_TOKENS, preferences: PREFERENCES[tier] },
        signal,
      )
      if (answer.text === '') {
        throw new AppError('upstream_error', 'The client’s model answered with no text.', {
          hint: 'Try again, or configure a model: docs/models.md.',
        })
      }
      token(answer.text)
      return {
        text: answer.text,
        toolCalls: [],
        cutOff: false,
        model: answer.model,
        usage: {
          inputTokens: estimateTokens(turnText(turn)),
          cachedInputTokens: 0,
          outputTokens: estimateTokens(answer.text),
        },
      }
    },
  }
}
