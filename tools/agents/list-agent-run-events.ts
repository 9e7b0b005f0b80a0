import { z } from 'zod'
import { listAgentRunEvents } from '../../db/agent-runs.ts'
import { defineTool } from '../define-tool.ts'
import { Limit } from '../params.ts'
import {
  AgentRunEvent,
  AgentRunRef,
  describeRunEvent,
  MAX_EVENT,
  requireAgentRun,
  statuses,
  WAITING_DEADLINE_MS,
} from './agent-run.ts'

const ENDED: readonly string[] = ['completed', 'failed', 'canceled']

export const listAgentRunEventsTool = defineTool({
  name: 'list_agent_run_events',
  title: 'List events of an agent run',
  description:
    'Lists what happened in a run of an agent, in order: steps, tool calls with bounded and redacted input and output (hidden from who may not call the tool), text of models, artifacts, questions and answers. With waitSeconds it waits for the next one when there is none after `after` yet.',
  input: z.object({
    run: AgentRunRef,
    after: z.coerce
      .number()
      .int()
      .min(0)
      .max(MAX_EVENT)
      .default(0)
      .describe('Number of the last event seen; 0 for all.'),
    limit: Limit,
    waitSeconds: z.coerce
      .number()
      .min(0)
      .max(60)
      .default(0)
      .describe('Waits so long for an event after `after`. 0–60.'),
  }),
  output: z.object({
    events: z.array(AgentRunEvent),
    status: z.enum(statuses).describe('The run’s status now.'),
    ended: z.boolean().describe('No event will come after those listed.'),
  }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /agent-runs/:run/events',
  deadlineMs: WAITING_DEADLINE_MS,
  async run(context, { run, after, limit, waitSeconds }) {
    const end = performance.now() + waitSeconds * 1_000
    const visible = new Set(context.services.catalog.visibleTo(context.actor).map(({ name }) => name))
    for (;;) {
      const [row, events] = await context.read(async (tx) => [
        await requireAgentRun(tx, run),
        await listAgentRunEvents(tx, { run, after, limit }),
      ])
      const ended = ENDED.includes(row.status) && (events.at(-1)?.seq ?? after) >= row.last_event
      const left = end - performance.now()
      if (events.length > 0 || ended || left <= 0 || context.signal.aborted)
        return {
          events: events.map((event) => seenBy(visible, describeRunEvent(event))),
          status: row.status,
          ended,
        }
      await context.services.agents.news(run, left, context.signal)
    }
  },
})

/** What a tool took and gave is for those who may call it; the others see that it was called. */
function seenBy(
  visible: ReadonlySet<string>,
  event: z.input<typeof AgentRunEvent>,
): z.input<typeof AgentRunEvent> {
  const { tool } = event.data
  if (event.type !== 'tool_call' || visible.has(String(tool))) return event
  const { input: _input, output: _output, error: _error, ...rest } = event.data
  return { ...event, data: { ...rest, hidden: true } }
}
