import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { AgentRun, AgentRunRef, describeRun } from './agent-run.ts'

export const cancelAgentRun = defineTool({
  name: 'cancel_agent_run',
  title: 'Cancel an agent run',
  description:
    'Stops a run of an agent: at once when it is queued or waiting, within moments when it is at work. What it did already stays done. A run that has ended is left as it is.',
  input: z.object({ run: AgentRunRef }),
  output: z.object({ run: AgentRun }),
  permission: 'agents.execute',
  effect: 'write',
  idempotent: true,
  http: 'POST /agent-runs/:run/cancel',
  resource: (input) => input.run,
  async run({ services, actor }, { run }) {
    return { run: describeRun(await services.agents.cancel(actor, run)) }
  },
})
