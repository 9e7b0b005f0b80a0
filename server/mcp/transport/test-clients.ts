import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

export interface TestClient {
  listTools(): Promise<string[]>
  call(
    name: string,
    args?: Record<string, unknown>,
    options?: { signal?: AbortSignal; onprogress?: (progress: { progress: number }) => void },
  ): Promise<{ text: string; structured: unknown }>
  /** How often the server announced a change of the tool list. */
  toolChanges(): number
  close(): Promise<void>
}

export interface Connection {
  /** A URL, or the program to start. */
  server: { url: string; token?: string } | { program: string }
}

type Elicitation = { action: 'accept'; content: { name: string } } | { action: 'accept' }
const capabilities = { elicitation: { form: {}, url: {} } }
const info = { name: 'test-client', version: '1' }
const answer = (params: { mode?: string | undefined }): Elicitation =>
  params.mode === 'url' ? { action: 'accept' } : { action: 'accept', content: { name: 'Ada' } }

const headersOf = (token: string | undefined) =>
  token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } }

/** `@modelcontextprotocol/client` 2, pinned to 2026-07-28 or speaking the era before. */
export async function connectV2({ server }: Connection, era: 'modern' | 'legacy'): Promise<TestClient> {
  let changes = 0
  const countChange = () => {
    changes += 1
  }
  const client = new ModernClient(info, {
    capabilities,
    versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: countChange } },
  })
  client.setRequestHandler('elicitation/create', ({ params }) => answer(params))
  await client.connect(
    'url' in server
      ? new ModernHttp(new URL(server.url), headersOf(server.token))
      : new ModernStdio({ command: process.execPath, args: [server.program], stderr: 'ignore' }),
  )
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args = {}, options = {}) {
      const result = await client.callTool({ name, arguments: args }, options)
      const [first] = result.content
      return { text: first?.type === 'text' ? first.text : '', structured: result.structuredContent }
    },
    toolChanges: () => changes,
    close: () => client.close(),
  }
}

/** `@modelcontextprotocol/sdk` 1: what most programs in use today are built on. */
export async function connectV1({ server }: Connection): Promise<TestClient> {
  let changes = 0
  const countChange = () => {
    changes += 1
  }
  const client = new OldClient(info, {
    capabilities,
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: countChange } },
  })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => answer(params))
  const transport =
    'url' in server
      ? new OldHttp(new URL(server.url), headersOf(server.token))
      : new OldStdio({ command: process.execPath, args: [server.program], stderr: 'ignore' })
  // Its own type is not written for exactOptionalPropertyTypes.
  await client.connect(transport as OldTransport)
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args = {}, options = {}) {
      const result = await client.callTool({ name, arguments: args }, undefined, options)
      const [first] = result.content as { type: string; text?: string }[]
      return { text: first?.text ?? '', structured: result.structuredContent }
    },
    toolChanges: () => changes,
    close: () => client.close(),
  }
}
