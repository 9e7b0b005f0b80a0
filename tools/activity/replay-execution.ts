import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { ExecutionRef, ExecutionSummary } from './execution.ts'
import { ReplayFrom, ReplayVersion, replay } from './replay.ts'

export const replayExecution = defineTool({
  name: 'replay_execution',
  title: 'Replay an execution',
  description:
    'Runs the input of an ended execution again, from the start or from the failed step, as a new execution in the background: a real run, with real effects. Its dead letter, if it has one, is marked replayed. get_execution shows how it goes.',
  input: z.object({ execution: ExecutionRef, version: ReplayVersion, from: ReplayFrom }),
  output: z.object({ execution: ExecutionSummary.describe('The new one.') }),
  permission: 'events.replay',
  effect: 'write',
  openWorld: true,
  http: 'POST /executions/:execution/replay',
  successStatus: 202,
  resource: (input) => input.execution,
  async run(context, input) {
    return { execution: await replay(context, input.execution, input.version, { from: input.from }) }
  },
})
