import { z } from 'zod'
import { defineTool, type Toolset, toolsets } from '../define-tool.ts'
import { firstSentence, rankTools } from './rank-tools.ts'

const toolsetNames = Object.keys(toolsets) as [Toolset, ...Toolset[]]

export const searchTools = defineTool({
  name: 'search_tools',
  title: 'Search tools',
  description:
    'Finds tools by what they do, best first, among those this key may call. Then describe_tool shows the input of one and call_tool calls it.',
  input: z.object({
    query: z.string().trim().min(1).max(500).describe('What you want to do, e.g. "retry failed webhooks".'),
    toolset: z.enum(toolsetNames).nullable().default(null).describe('Only tools of this group.'),
    limit: z.coerce.number().int().min(1).max(100).default(10).describe('How many to return, 1–100.'),
  }),
  output: z.object({
    tools: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        description: z.string().describe('Its first sentence; describe_tool has the rest.'),
        toolset: z.enum(toolsetNames),
      }),
    ),
  }),
  permission: null,
  effect: 'read',
  http: 'GET /tools',
  async run(context, input) {
    const tools = context.services.catalog
      .visibleTo(context.actor)
      .filter((tool) => input.toolset === null || tool.toolset === input.toolset)
    return {
      tools: rankTools(tools, input.query)
        .slice(0, input.limit)
        .map(({ name, title, description, toolset }) => ({
          name,
          title,
          description: firstSentence(description),
          toolset,
        })),
    }
  },
})
