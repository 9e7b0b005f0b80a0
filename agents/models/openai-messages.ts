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
 * @param markCache mark the end of the system text (the tools stand before it) and of what was said so far, in the
 *   form of Anthropic's API that OpenRouter and LiteLLM take over: the next request reads from the cache up to there
 */
export function toMessages(turn: Turn, markCache: boolean): BaseMessage[] {
  // What is asked once is not sent again with more behind it: writing it into a cache only costs.
  const goesOn = turn.tools !== undefined && turn.forcedTool === undefined
  const marked = (content: string, mark: boolean) =>
    mark && markCache && content !== ''
      ? [{ type: 'text' as const, text: content, cache_control: { type: 'ephemeral' } }]
      : content
  return [
    new SystemMessage({ content: marked(turn.system, true) }),
    ...turn.messages.map((message, at) => {
      const content = marked(message.content, goesOn && at === turn.messages.length - 1)
      if (message.role === 'user') return new HumanMessage({ content })
      if (message.role === 'tool') return new ToolMessage({ content, tool_call_id: message.toolCallId })
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
