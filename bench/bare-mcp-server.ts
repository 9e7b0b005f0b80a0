/** The limit of the first measure: the SDK's own server with one tool that echoes, nothing around it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' })
  server.registerTool(
    'echo',
    {
      description: 'Echoes.',
      inputSchema: z.object({ text: z.string() }),
      outputSchema: z.object({ text: z.string() }),
    },
    ({ text }) => ({
      content: [{ type: 'text', text }],
      structuredContent: { text },
    }),
  )
  return server
})
const node = toNodeHandler(handler)
const http = createServer((req, res) => void node(req as NodeIncomingMessageLike, res))
http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}`))
process.once('SIGTERM', () => process.exit(0))
