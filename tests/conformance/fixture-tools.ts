import { setTimeout as sleep } from 'node:timers/promises'
import type {
  CallToolResult,
  ClientCapabilities,
  InputRequiredResult,
  ServerContext,
  Tool,
} from '@modelcontextprotocol/server'
import { PNG_BASE64, WAV_BASE64 } from './fixture-content.ts'

export interface FixtureContext {
  mcp: ServerContext
  client: ClientCapabilities
  toolsChanged(): void
  promptsChanged(): void
  /** Signs state that the client carries between rounds. */
  sealState(payload: unknown): Promise<string>
}

export interface FixtureTool extends Tool {
  run(args: Record<string, unknown>, context: FixtureContext): Promise<CallToolResult | InputRequiredResult>
}

export const noArguments = { type: 'object', properties: {} } satisfies Tool['inputSchema']
const STEP_MS = 50

export function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}

/** Tools that answer at once or report on the way. */
export const plainTools: FixtureTool[] = [
  {
    name: 'test_simple_text',
    description: 'Returns text',
    inputSchema: noArguments,
    run: async () => text('This is a simple text response for testing.'),
  },
  {
    name: 'test_image_content',
    description: 'Returns an image',
    inputSchema: noArguments,
    run: async () => ({ content: [{ type: 'image', data: PNG_BASE64, mimeType: 'image/png' }] }),
  },
  {
    name: 'test_audio_content',
    description: 'Returns audio',
    inputSchema: noArguments,
    run: async () => ({ content: [{ type: 'audio', data: WAV_BASE64, mimeType: 'audio/wav' }] }),
  },
  {
    name: 'test_embedded_resource',
    description: 'Returns a resource',
    inputSchema: noArguments,
    run: async () => ({
      content: [
        {
          type: 'resource',
          resource: {
            uri: 'test://embedded-resource',
            mimeType: 'text/plain',
            text: 'This is an embedded resource content.',
          },
        },
      ],
    }),
  },
  {
    name: 'test_multiple_content_types',
    description: 'Returns text, an image and a resource',
    inputSchema: noArguments,
    run: async () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        { type: 'image', data: PNG_BASE64, mimeType: 'image/png' },
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: JSON.stringify({ test: 'data', value: 123 }),
          },
        },
      ],
    }),
  },
  {
    name: 'test_error_handling',
    description: 'Always fails',
    inputSchema: noArguments,
    run: async () => {
      throw new Error('This tool intentionally returns an error for testing')
    },
  },
  {
    name: 'test_tool_with_logging',
    description: 'Logs three times',
    inputSchema: noArguments,
    run: async (_args, { mcp }) => {
      for (const message of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcp.mcpReq.log('info', message)
        await sleep(STEP_MS)
      }
      return text('Tool with logging executed successfully')
    },
  },
  {
    name: 'test_logging_tool',
    description: 'Logs once, if the request asked for logs',
    inputSchema: noArguments,
    run: async (_args, { mcp }) => {
      await mcp.mcpReq.log('info', 'One log line')
      return text('Logged')
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Reports progress',
    inputSchema: noArguments,
    run: async (_args, { mcp }) => {
      const progressToken = mcp.mcpReq._meta?.progressToken
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) {
          await mcp.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 100, message: `Step ${progress} of 100` },
          })
        }
        await sleep(STEP_MS)
      }
      return text('Progress reported')
    },
  },
  {
    name: 'test_reconnection',
    description: 'Closes its stream before it answers; the client resumes to read the answer',
    inputSchema: noArguments,
    run: async (_args, { mcp }) => {
      mcp.http?.closeSSE?.()
      await sleep(STEP_MS)
      return text('Reconnection test completed successfully.')
    },
  },
  {
    name: 'test_trigger_tool_change',
    description: 'Announces a change of the tool list',
    inputSchema: noArguments,
    run: async (_args, { toolsChanged }) => {
      toolsChanged()
      return text('Announced')
    },
  },
  {
    name: 'test_trigger_prompt_change',
    description: 'Announces a change of the prompt list',
    inputSchema: noArguments,
    run: async (_args, { promptsChanged }) => {
      promptsChanged()
      return text('Announced')
    },
  },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Its input schema uses JSON Schema 2020-12 (SEP-1613, SEP-2106)',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: async (args) => text(JSON.stringify(args)),
  },
]
