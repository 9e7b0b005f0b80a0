import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from '@langchain/core/messages'
import { sentArguments } from './openai.ts'
import type { Turn } from './turn.ts'

/**
 * A turn's messages in LangChain's form. The system text stands first and what was said is only added to, so that a
 * provider that caches prompts by their beginning finds it again.
 */
export function toMessages(turn: Turn): BaseMessage[] {
  return [
    new SystemMessage(turn.system),
    ...turn.messages.map((message) => {
      if (message.role === 'user') return new HumanMessage(message.content)
      if (message.role === 'tool')
        return new ToolMessage({ content: message.content, tool_call_id: message.toolCallId })
      return new AIMessage({
        content: message.content,
        tool_calls: (message.toolCalls ?? []).map((call) => ({
          id: call.id,
          name: call.name,
          args: sentArguments(call),
          type: 'tool_call' as const,
        })),
      })
    }),
  ]
}
