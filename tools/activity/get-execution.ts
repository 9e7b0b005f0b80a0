import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { describeExecution, Execution, ExecutionRef } from './execution.ts'

export const getExecution = defineTool({
  name: 'get_execution',
  title: 'Get an execution',
  description:
    'One run of a workflow: status, input, output, logs of every attempt, connector calls, and why it failed. The first place to look when something went wrong.',
  input: z.object({ execution: ExecutionRef }),
  output: z.object({ execution: Execution }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /executions/:execution',
  async run(context, input) {
    return { execution: await context.read((tx) => describeExecution(tx, input.execution)) }
  },
})
