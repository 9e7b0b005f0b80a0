import { z } from 'zod'
import type { JsonObject } from '../../core/json.ts'
import { defineTool } from '../define-tool.ts'
import { AgentRun, WAITING_DEADLINE_MS } from './agent-run.ts'
import { startAndWait, startingFields } from './define-agent-tool.ts'

export const startAgentRun = defineTool({
  name: 'start_agent_run',
  title: 'Start an agent by name',
  description:
    'Starts a run of any agent of list_agents, with the input it takes. Agents with a tool of their own are easier to start with that. Comes back with the run; get_agent_run shows how it goes, answer_agent_run answers what it asks.',
  input: z.object({
    agent: z.string().min(1).describe('An agent’s name, from list_agents.'),
    input: z.record(z.string(), z.unknown()).default({}).describe('What it takes.'),
    ...startingFields,
  }),
  output: z.object({ run: AgentRun }),
  permission: 'agents.execute',
  effect: 'write',
  openWorld: true,
  startsRun: true,
  http: 'POST /agent-runs',
  successStatus: 202,
  deadlineMs: WAITING_DEADLINE_MS,
  run: (context, { agent, input, approval, budget, waitSeconds }) =>
    startAndWait(context, { agent, input: input as JsonObject, approval, budget }, waitSeconds),
})
