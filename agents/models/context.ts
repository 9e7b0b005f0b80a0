import type { ChatMessage } from './models.ts'
import { charsOf, estimateTokens, type Turn, turnText } from './turn.ts'

/** The part of the context one tool result may take. */
const RESULT_SHARE = 0.15
const MAX_RESULT_CHARS = 24_000
const LEFT_OUT = '[left out to make room; call the tool again if you need it]'

/** A tool result as it goes into the conversation, once and for good: a prefix that changes is not found in a cache. */
export function shortenResult(text: string, contextTokens: number): string {
  const room = Math.min(MAX_RESULT_CHARS, Math.floor(charsOf(contextTokens) * RESULT_SHARE))
  if (text.length <= room) return text
  const head = Math.floor(room * 0.8)
  const tail = room - head
  return `${text.slice(0, head)}\n[… ${text.length - room} of ${text.length} characters left out; ask for less, e.g. with filters or a limit …]\n${text.slice(-tail)}`
}

/** A conversation longer than the context loses its oldest tool results, as many as it takes. */
export function fitContext(turn: Turn, contextTokens: number): Turn {
  let excess = estimateTokens(turnText(turn)) - contextTokens
  if (excess <= 0) return turn
  const messages = turn.messages.map((message, n): ChatMessage => {
    const last = n >= turn.messages.length - 2
    const isResult =
      message.role === 'tool' || (message.role === 'user' && message.content.startsWith('<tool_result>'))
    if (excess <= 0 || last || !isResult || message.content.length <= LEFT_OUT.length) return message
    excess -= estimateTokens(message.content) - estimateTokens(LEFT_OUT)
    return message.role === 'tool'
      ? { ...message, content: LEFT_OUT }
      : { role: 'user', content: `<tool_result>${LEFT_OUT}</tool_result>` }
  })
  return { ...turn, messages }
}
