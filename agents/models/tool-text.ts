import { isJsonObject } from '../../core/json.ts'
import type { ChatMessage, ChatToolCall } from './models.ts'
import { parseModelJson } from './parse-json.ts'
import type { Turn } from './turn.ts'

const CALL = /<tool_call>([\s\S]*?)(?:<\/tool_call>|$)/g

/** Tools in words, for models whose protocol takes none: described in the system text, called and answered in tags. */
export function withToolsInWords(turn: Turn): Turn {
  const { tools = [], ...rest } = turn
  if (tools.length === 0) return { ...rest, messages: inWords(turn.messages) }
  const list = tools.map((tool) =>
    JSON.stringify({ name: tool.name, description: tool.description, parameters: tool.input }),
  )
  return {
    ...rest,
    system: `${turn.system}\n\nYou have these tools, one a line:\n${list.join('\n')}\n\nTo call one, write <tool_call>{"name": "…", "arguments": {…}}</tool_call> and stop; the result follows in <tool_result>. When you need no more of them, answer without a tool_call.`,
    messages: inWords(turn.messages),
  }
}

const inWords = (messages: readonly ChatMessage[]): ChatMessage[] =>
  messages.map((message) => {
    if (message.role === 'tool')
      return { role: 'user', content: `<tool_result>${message.content}</tool_result>` }
    if (message.role !== 'assistant' || message.toolCalls === undefined) return message
    const calls = message.toolCalls.map(
      (call) =>
        `<tool_call>{"name":${JSON.stringify(call.name)},"arguments":${call.arguments || '{}'}}</tool_call>`,
    )
    return { role: 'assistant', content: [message.content, ...calls].filter(Boolean).join('\n') }
  })

/** The calls a model wrote as text: asked to, or because its server did not recognize its own format. */
export function callsInText(text: string, round: number): { text: string; toolCalls: ChatToolCall[] } {
  const toolCalls = [...text.matchAll(CALL)].map((match, n) => {
    const body = match[1] ?? ''
    const parsed = parseModelJson(body)
    const call = 'value' in parsed && isJsonObject(parsed.value) ? parsed.value : undefined
    const given = call?.arguments ?? call?.parameters ?? {}
    return {
      id: `call_${round}_${n + 1}`,
      name: typeof call?.name === 'string' ? call.name : '',
      arguments: call === undefined ? body : typeof given === 'string' ? given : JSON.stringify(given),
    }
  })
  return { text: text.replace(CALL, '').trim(), toolCalls }
}
