import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { AgentRun, AgentRunRef, describeRun } from './agent-run.ts'

export const rewindAgentRun = defineTool({
  name: 'rewind_agent_run',
  title: 'Take an agent run back',
  description:
    'Takes a run that waits or has ended back to a checkpoint and lets it go on from there: after a failure, or to answer a question differently. Answers and results after the checkpoint are forgotten; what the run changed elsewhere is not undone.',
  input: z.object({
    run: AgentRunRef,
    checkpoint: z.string().min(1).describe('A checkpoint’s id, from list_agent_checkpoints.'),
  }),
  output: z.object({ run: AgentRun }),
  permission: 'agents.execute',
  effect: 'write',
  http: 'POST /agent-runs/:run/rewind',
  resource: (input) => input.run,
  async run({ services, actor }, { run, checkpoint }) {
    return { run: describeRun(await services.agents.rewind(actor, run, checkpoint)) }
  },
})
