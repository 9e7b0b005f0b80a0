import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuthInfo,
  acceptedContent,
  inputRequired,
  inputResponse,
  type McpServerFactory,
  Server,
  type Tool,
} from '@modelcontextprotocol/server'
import { buildLogger } from '../../../core/log.ts'
import { buildMcpEndpoint, type McpEndpoint, type McpEndpointOptions } from './http.ts'

/** What the test server saw, for tests to look at from outside. */
export interface Observed {
  /** Token of the caller of each `whoami`, as the handler saw it. */
  callers: string[]
  /** Fires once for each `wait` call whose signal was aborted. */
  aborted: PromiseWithResolvers<void>
  waiting: PromiseWithResolvers<void>
}

const STEP_MS = 20
const echo: Tool = {
  name: 'echo',
  description: 'Returns its text',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  outputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
}
const bare = (name: string): Tool => ({
  name,
  description: name,
  inputSchema: { type: 'object', properties: {} },
})

/** A small server on the low-level API, written once for both eras, as `server/mcp` does it. */
export function buildTestFactory(): { factory: McpServerFactory; observed: Observed } {
  const observed: Observed = {
    callers: [],
    aborted: Promise.withResolvers(),
    waiting: Promise.withResolvers(),
  }
  const factory: McpServerFactory = () => {
    const server = new Server(
      { name: 'test', version: '1' },
      { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
    )
    server.setRequestHandler('tools/list', () => ({
      tools: [echo, ...['count', 'wait', 'ask', 'connect', 'whoami'].map(bare)],
    }))
    server.setRequestHandler('resources/list', () => ({ resources: [] }))
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq, http }) => {
      const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
      switch (params.name) {
        case 'echo': {
          const value = String(params.arguments?.text)
          return { ...text(value), structuredContent: { text: value } }
        }
        case 'count':
          for (const progress of [1, 2, 3]) {
            const progressToken = mcpReq._meta?.progressToken
            if (progressToken === undefined) break
            await mcpReq.notify({
              method: 'notifications/progress',
              params: { progressToken, progress, total: 3 },
            })
            await sleep(STEP_MS)
          }
          return text('counted')
        case 'wait':
          observed.waiting.resolve()
          await sleep(10_000, undefined, { signal: mcpReq.signal }).catch(() => observed.aborted.resolve())
          return text('waited')
        case 'ask': {
          const name = acceptedContent<{ name: string }>(mcpReq.inputResponses, 'name')?.name
          if (name !== undefined) return text(`Hello, ${name}`)
          return inputRequired({
            inputRequests: {
              name: inputRequired.elicit({
                message: 'Your name?',
                requestedSchema: {
                  type: 'object',
                  properties: { name: { type: 'string' } },
                  required: ['name'],
                },
              }),
            },
          })
        }
        case 'connect': {
          const answer = inputResponse(mcpReq.inputResponses, 'account')
          if (answer.kind === 'elicit') return text(`account: ${answer.action}`)
          const url = 'https://example.test/connect/abc'
          return inputRequired({
            inputRequests: { account: inputRequired.elicitUrl({ message: 'Connect the account', url }) },
          })
        }
        default:
          observed.callers.push(http?.authInfo?.token ?? '')
          return text(http?.authInfo?.token ?? '')
      }
    })
    return server
  }
  return { factory, observed }
}

export interface TestServer {
  url: string
  endpoint: McpEndpoint
  observed: Observed
  close(): Promise<void>
}

export async function startTestServer(options: Partial<McpEndpointOptions> = {}): Promise<TestServer> {
  const { factory, observed } = buildTestFactory()
  const endpoint = buildMcpEndpoint({ factory, log: buildLogger('silent'), drainMs: 200, ...options })
  const http = createServer((req, res) => void endpoint.handle(req, res, bearer(req)))
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    endpoint,
    observed,
    async close() {
      await endpoint.close()
      http.closeAllConnections()
      await new Promise((resolve) => {
        http.close(resolve)
      })
    },
  }
}

function bearer(req: IncomingMessage): AuthInfo | undefined {
  const token = req.headers.authorization?.replace(/^Bearer /, '')
  return token === undefined ? undefined : { token, clientId: 'test', scopes: [] }
}
