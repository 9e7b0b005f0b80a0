import type { ClientModel } from '../../tools/define-tool.ts'
import type { Exchange } from './elicitation.ts'
import { clientCapabilitiesOf } from './transport/client-capabilities.ts'

/** A person may look at each request, and the model has to think. */
const ANSWER_MS = 120_000

/**
 * The client's own model, where it may be asked (`sampling/createMessage`, up to revision 2025-11-25; 2026-07-28
 * deprecates it, and there a client would have to make the call again for each answer).
 */
export function clientModelOf({
  server,
  context,
  modern,
}: Pick<Exchange, 'server' | 'context' | 'modern'>): ClientModel | undefined {
  if (modern || clientCapabilitiesOf(server, context).sampling === undefined) return undefined
  return async ({ system, messages, maxTokens, preferences }, signal) => {
    const { content, model } = await context.mcpReq.requestSampling(
      {
        systemPrompt: system,
        messages: messages.map(({ role, text }) => ({ role, content: { type: 'text', text } })),
        maxTokens,
        modelPreferences: {
          intelligencePriority: preferences.intelligence,
          speedPriority: preferences.speed,
        },
      },
      { signal, timeout: ANSWER_MS },
    )
    const parts = Array.isArray(content) ? content : [content]
    const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
    if (text === '') throw new Error('there is no text in its answer')
    return { text, model }
  }
}
