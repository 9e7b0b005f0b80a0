import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { defineTool } from '../define-tool.ts'
import { requireVisibleTool } from './visible-tool.ts'

/** Longer than any tool it may call takes: theirs is the deadline that counts. */
const DEADLINE_MS = 10 * 60_000

export const callTool = defineTool({
  name: 'call_tool',
  title: 'Call a tool',
  description:
    'Calls any tool this key may call, by name, with the same checks as calling it directly. describe_tool shows what `arguments` it takes.',
  input: z.object({
    name: z.string().min(1).describe('Name of the tool.'),
    arguments: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Its input, as describe_tool’s inputSchema says.'),
  }),
  output: z.object({ result: z.record(z.string(), z.unknown()).describe('What the tool gave back.') }),
  permission: null,
  effect: 'write',
  openWorld: true,
  http: 'POST /tools/:name/call',
  resource: (input) => input.name,
  deadlineMs: DEADLINE_MS,
  async run(context, input) {
    const { name } = requireVisibleTool(context, input.name)
    if (name === 'call_tool')
      throw invalidInput('call_tool does not call itself.', {
        where: 'name',
        hint: 'Name the tool you want called.',
      })
    const { actor, services, signal, clientModel } = context
    return {
      result: await services.catalog.call(name, input.arguments as JsonObject, {
        actor,
        signal,
        clientModel,
      }),
    }
  },
})
