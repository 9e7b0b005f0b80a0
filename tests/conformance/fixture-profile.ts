import { randomBytes } from 'node:crypto'
import {
  acceptedContent,
  type CallToolResult,
  createRequestStateCodec,
  inputRequired,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from '@modelcontextprotocol/server'
import { clientCapabilitiesOf } from '../../server/mcp/transport/client-capabilities.ts'
import { prompts, readFixture, resources, resourceTemplates } from './fixture-content.ts'
import { inputTools, oneField } from './fixture-input-tools.ts'
import { type FixtureTool, plainTools } from './fixture-tools.ts'

export interface FixtureHooks {
  toolsChanged(): void
  promptsChanged(): void
}

const CACHE = { ttlMs: 60_000, cacheScope: 'public' } as const
const tools: FixtureTool[] = [...plainTools, ...inputTools]
const toolsByName = new Map(tools.map((tool) => [tool.name, tool]))
const toolList = tools.map(({ run: _run, ...tool }) => tool)
const promptList = prompts.map(({ messages: _messages, ...prompt }) => prompt)
const INPUT_PROMPT = 'test_input_required_result_prompt'

/** The server the official conformance suite expects, on the low-level API, one factory for both eras. */
export function buildFixtureFactory(hooks: FixtureHooks): McpServerFactory {
  const state = createRequestStateCodec<unknown>({ key: randomBytes(32), ttlSeconds: 60 })

  return () => {
    const server = new Server(
      { name: 'patchbay-conformance-fixture', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: true },
          resources: { subscribe: true, listChanged: true },
          prompts: { listChanged: true },
          completions: {},
          logging: {},
        },
        cacheHints: {
          'tools/list': CACHE,
          'prompts/list': CACHE,
          'resources/list': CACHE,
          'resources/templates/list': CACHE,
          'resources/read': CACHE,
        },
        requestState: { verify: state.verify },
      },
    )
    server.setRequestHandler('tools/list', () => ({ tools: toolList }))
    server.setRequestHandler('tools/call', async ({ params }, mcp) => {
      const tool = toolsByName.get(params.name)
      if (tool === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`)
      }
      try {
        return await tool.run(params.arguments ?? {}, {
          mcp,
          client: clientCapabilitiesOf(server, mcp),
          sealState: state.mint,
          ...hooks,
        })
      } catch (error) {
        if (error instanceof ProtocolError) throw error
        return failed(error)
      }
    })
    server.setRequestHandler('resources/list', () => ({ resources }))
    server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates }))
    server.setRequestHandler('resources/read', ({ params }) => {
      const result = readFixture(params.uri)
      if (result === undefined) throw new ResourceNotFoundError(params.uri)
      return result
    })
    server.setRequestHandler('prompts/list', () => ({
      prompts: [...promptList, { name: INPUT_PROMPT, description: 'A prompt that needs input' }],
    }))
    server.setRequestHandler('prompts/get', ({ params }, { mcpReq }) => {
      if (params.name === INPUT_PROMPT) {
        const context = acceptedContent<{ context: string }>(mcpReq.inputResponses, 'user_context')?.context
        if (context !== undefined) {
          return {
            messages: [{ role: 'user', content: { type: 'text', text: `Use this context: ${context}` } }],
          }
        }
        return inputRequired({
          inputRequests: {
            user_context: inputRequired.elicit({
              message: 'What context should the prompt use?',
              requestedSchema: oneField('context'),
            }),
          },
        })
      }
      const prompt = prompts.find(({ name }) => name === params.name)
      if (prompt === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${params.name}`)
      }
      return { messages: prompt.messages(params.arguments ?? {}) }
    })
    server.setRequestHandler('completion/complete', ({ params }) => {
      const values = ['paris', 'park', 'party'].filter((value) => value.startsWith(params.argument.value))
      return { completion: { values, total: values.length, hasMore: false } }
    })
    return server
  }
}

function failed(error: unknown): CallToolResult {
  const message = error instanceof Error ? error.message : String(error)
  return { content: [{ type: 'text', text: message }], isError: true }
}
