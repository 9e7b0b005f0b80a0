import { z } from 'zod'
import type { JsonObject } from '../../core/json.ts'
import { defineTool, type ToolContext, type ToolDefinition } from '../define-tool.ts'
import { AgentRun, describeRun, requireAgentRun, WAITING_DEADLINE_MS, WaitSeconds } from './agent-run.ts'
import type { AgentRuns } from './agent-runs.ts'
import { progressOf } from './wait.ts'

const Budget = z
  .object({
    maxTokens: z.int().min(1).optional().describe('Tokens of models, in and out.'),
    maxCostUsd: z.number().positive().optional().describe('Money for models, in US dollars.'),
    maxSteps: z.int().min(1).max(1_000).optional().describe('Answers of models.'),
    maxSeconds: z.int().min(1).max(86_400).optional().describe('Time of work; waiting is not counted.'),
  })
  .default({})
  .describe('What the run may use at most; the rest is as the server is set.')

/** What every tool that starts a run takes besides the agent's own input. */
export const startingFields = {
  approval: z
    .enum(['auto', 'manual'])
    .default('manual')
    .describe(
      'manual: hands back to a person at each point, with a question. auto: goes on by itself, and asks only where it must.',
    ),
  budget: Budget,
  waitSeconds: WaitSeconds,
}

export interface AgentTool<I extends z.ZodObject> {
  /** The agent's name in graphs/index.ts. */
  agent: string
  name: string
  title: string
  /** What the agent does; how runs go is added. */
  description: string
  /** What the agent takes: its definition uses the same schema. */
  input: I
  http: `POST /${string}`
}

const HOW_RUNS_GO =
  'Starts a run that outlives this call: comes back with its id and how far it is after waitSeconds. While `status` is waiting, show `question` to a person and give their answer with answer_agent_run; otherwise get_agent_run until it is completed, failed or canceled.'

/**
 * The tool that starts runs of an agent, from what is particular to the agent. The agent itself lives in a layer above
 * and is reached by its name.
 */
export function defineAgentTool<I extends z.ZodObject>(tool: AgentTool<I>): ToolDefinition {
  return defineTool({
    name: tool.name,
    title: tool.title,
    description: `${tool.description} ${HOW_RUNS_GO}`,
    input: tool.input.extend(startingFields) as z.ZodObject,
    output: z.object({ run: AgentRun }) as z.ZodObject,
    permission: 'agents.execute',
    effect: 'write',
    openWorld: true,
    startsRun: true,
    http: tool.http,
    successStatus: 202,
    deadlineMs: WAITING_DEADLINE_MS,
    async run(context, given) {
      const { approval, budget, waitSeconds, ...input } = given as z.output<
        z.ZodObject<typeof startingFields>
      > &
        Record<string, unknown>
      return startAndWait(
        context,
        { agent: tool.agent, input: input as JsonObject, approval, budget },
        waitSeconds,
      )
    },
  })
}

/** Starts a run and stays with it for a while, telling the client how it goes. */
export async function startAndWait(
  context: ToolContext,
  asked: Omit<Parameters<AgentRuns['start']>[1], 'clientModel'>,
  waitSeconds: number,
): Promise<{ run: z.input<typeof AgentRun> }> {
  const { agents } = context.services
  const request = { ...asked, clientModel: context.clientModel !== undefined }
  const { id } = await agents.start(context.actor, request, (insert) =>
    context.transaction(async (tx) => {
      const run = await insert(tx)
      if (run !== undefined) context.touches(run.id)
      return run
    }),
  )
  await agents.wait(context.actor, id, {
    ms: waitSeconds * 1_000,
    signal: context.signal,
    onNews: progressOf(context),
    clientModel: context.clientModel,
  })
  return { run: describeRun(await context.read((tx) => requireAgentRun(tx, id))) }
}
