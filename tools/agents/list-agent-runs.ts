import { z } from 'zod'
import { listAgentRuns } from '../../db/agent-runs.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { AgentRun, describeRun, statuses } from './agent-run.ts'

export const listAgentRunsTool = defineTool({
  name: 'list_agent_runs',
  title: 'List agent runs',
  description: 'Lists runs of agents, newest first; by agent or status, e.g. those that wait for an answer.',
  input: z.object({
    agent: z.string().nullable().default(null).describe('Only runs of this agent.'),
    status: z.enum(statuses).nullable().default(null).describe('Only runs in this status.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ runs: z.array(AgentRun), nextCursor: NextCursor }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /agent-runs',
  async run(context, { agent, status, cursor, limit }) {
    const found = await context.read((tx) => listAgentRuns(tx, { agent, status, cursor, limit: limit + 1 }))
    const { rows, nextCursor } = page(found, limit)
    return { runs: rows.map(describeRun), nextCursor }
  },
})
