import { z } from 'zod'
import { defineTool } from '../define-tool.ts'

export const listAgents = defineTool({
  name: 'list_agents',
  title: 'List agents',
  description:
    'Lists the agents there are: what each does, takes and gives, which tools it may call, whether it needs a model, and whether one is configured.',
  input: z.object({}),
  output: z.object({
    agents: z.array(
      z.object({
        name: z.string().describe('The agent’s name.'),
        title: z.string().describe('For people.'),
        description: z.string().describe('What it does.'),
        needsModel: z.boolean().describe('Its runs cannot start while no model is configured.'),
        tools: z.array(z.string()).describe('The only tools its runs may call.'),
        input: z.unknown().describe('JSON Schema of what it takes.'),
        output: z.unknown().describe('JSON Schema of what comes out.'),
      }),
    ),
    model: z
      .object({
        provider: z.string().describe('openai: an endpoint that speaks its protocol; none: not configured.'),
        baseUrl: z.string().optional().describe('Where it is.'),
        tiers: z
          .record(z.string(), z.string())
          .optional()
          .describe('Which model plans, builds, and does the small.'),
      })
      .describe('The model agents use.'),
  }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /agents',
  async run({ services }) {
    const agents = services.agents.agents().map((agent) => ({ ...agent, tools: [...agent.tools] }))
    return { agents, model: services.agents.model() }
  },
})
