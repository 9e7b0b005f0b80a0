import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import {
  AgentRun,
  AgentRunRef,
  describeRun,
  requireAgentRun,
  WAITING_DEADLINE_MS,
  WaitSeconds,
} from './agent-run.ts'
import { progressOf } from './wait.ts'

export const getAgentRunTool = defineTool({
  name: 'get_agent_run',
  title: 'Get an agent run',
  description:
    'Shows how far a run of an agent is: status, the question it waits on, its output or error. With waitSeconds it answers as soon as the run has ended or asks something.',
  input: z.object({ run: AgentRunRef, waitSeconds: WaitSeconds }),
  output: z.object({ run: AgentRun }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /agent-runs/:run',
  deadlineMs: WAITING_DEADLINE_MS,
  async run(context, input) {
    await context.read((tx) => requireAgentRun(tx, input.run))
    await context.services.agents.wait(context.actor, input.run, {
      ms: input.waitSeconds * 1_000,
      signal: context.signal,
      clientModel: context.clientModel,
      ...(input.waitSeconds > 0 ? { onNews: progressOf(context) } : {}),
    })
    return { run: describeRun(await context.read((tx) => requireAgentRun(tx, input.run))) }
  },
})
