import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { toolSchema } from '../tool-schema.ts'
import { requireVisibleTool } from './visible-tool.ts'

const JsonSchema = z.record(z.string(), z.unknown())

export const describeTool = defineTool({
  name: 'describe_tool',
  title: 'Describe a tool',
  description:
    'Everything about one tool: what it does, the JSON Schema of its input and output, the permission it needs and its HTTP route.',
  input: z.object({ name: z.string().min(1).describe('Name of the tool, e.g. run_workflow.') }),
  output: z.object({
    name: z.string(),
    title: z.string(),
    description: z.string(),
    toolset: z.string(),
    effect: z.enum(['read', 'write', 'destructive']),
    permission: z.string().nullable().describe('Null: anybody with a key. Some inputs may need another one.'),
    http: z.string().describe('Method and route below /api/v1.'),
    inputSchema: JsonSchema,
    outputSchema: JsonSchema,
  }),
  permission: null,
  effect: 'read',
  http: 'GET /tools/:name',
  async run(context, input) {
    const tool = requireVisibleTool(context, input.name)
    return {
      name: tool.name,
      title: tool.title,
      description: tool.description,
      toolset: tool.toolset,
      effect: tool.effect,
      permission: tool.permission,
      http: tool.http,
      inputSchema: toolSchema(tool, 'input'),
      outputSchema: toolSchema(tool, 'output'),
    }
  },
})
