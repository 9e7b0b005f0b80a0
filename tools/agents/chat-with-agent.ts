import { z } from 'zod'
import { defineAgentTool } from './define-agent-tool.ts'

export const ChatInput = z.object({
  message: z.string().trim().min(1).max(20_000).describe('What you want, or want to know.'),
})

export const chatWithAgent = defineAgentTool({
  agent: 'assistant',
  name: 'chat_with_agent',
  title: 'Chat with the assistant',
  description:
    'A conversation with a model that can look into your connectors, workflows and executions, change them, and start the other agents. In manual mode every change is put to you before it is made, and each reply waits for your next message (an empty one ends it); in auto mode it answers once.',
  input: ChatInput,
  http: 'POST /agents/assistant/runs',
})
