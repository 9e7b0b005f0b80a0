import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { AgentRunRef } from './agent-run.ts'

export const listAgentCheckpoints = defineTool({
  name: 'list_agent_checkpoints',
  title: 'List checkpoints of an agent run',
  description:
    'Lists the points a run can go back to with rewind_agent_run, newest first, and what runs next from each.',
  input: z.object({ run: AgentRunRef }),
  output: z.object({
    checkpoints: z.array(
      z.object({
        id: z.string().describe('Name it in rewind_agent_run.'),
        next: z.array(z.string()).describe('The nodes that run next from here.'),
        step: z.int().describe('Rounds of nodes before it; -1 is the very start.'),
        createdAt: z.string().describe('When it was made.'),
      }),
    ),
  }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /agent-runs/:run/checkpoints',
  async run({ services, actor }, { run }) {
    return { checkpoints: await services.agents.checkpoints(actor, run) }
  },
})
