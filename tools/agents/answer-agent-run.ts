import { z } from 'zod'
import type { JsonObject } from '../../core/json.ts'
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

export const answerAgentRun = defineTool({
  name: 'answer_agent_run',
  title: 'Answer an agent run',
  description:
    'Answers the question a waiting run asks; it then goes on. The answer must fit question.schema, which get_agent_run shows. Ask the person unless they have told you what to answer.',
  input: z.object({
    run: AgentRunRef,
    question: z
      .string()
      .optional()
      .describe('question.id, so that no other question is answered by mistake.'),
    answer: z.record(z.string(), z.unknown()).describe('An object that fits question.schema.'),
    waitSeconds: WaitSeconds,
  }),
  output: z.object({ run: AgentRun }),
  permission: 'agents.execute',
  effect: 'write',
  http: 'POST /agent-runs/:run/answer',
  resource: (input) => input.run,
  deadlineMs: WAITING_DEADLINE_MS,
  async run(context, { run, question, answer, waitSeconds }) {
    const { agents } = context.services
    await agents.answer(context.actor, run, { question, answer: answer as JsonObject })
    await agents.wait(context.actor, run, {
      ms: waitSeconds * 1_000,
      signal: context.signal,
      clientModel: context.clientModel,
      ...(waitSeconds > 0 ? { onNews: progressOf(context) } : {}),
    })
    return { run: describeRun(await context.read((tx) => requireAgentRun(tx, run))) }
  },
})
