import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buildLogger } from '../../core/log.ts'
import { buildMcpEndpoint } from '../../server/mcp/transport/http.ts'
import { buildOriginGuard } from '../../server/mcp/transport/origin.ts'
import { buildFixtureFactory } from './fixture-profile.ts'

export interface FixtureServer {
  url: string
  close(): Promise<void>
}

/** The conformance fixtures behind Patchbay's own transport, on a free port of localhost. */
export async function startFixtureServer(): Promise<FixtureServer> {
  const endpoint = buildMcpEndpoint({
    factory: buildFixtureFactory({
      toolsChanged: () => endpoint.toolsChanged(),
      promptsChanged: () => endpoint.promptsChanged(),
    }),
    log: buildLogger('error'),
  })
  const allowed = buildOriginGuard()
  const http = createServer((req, res) => {
    if (allowed(req, res)) void endpoint.handle(req, res, undefined)
  })
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  const { port } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await endpoint.close()
      http.closeAllConnections()
      await new Promise((resolve) => {
        http.close(resolve)
      })
    },
  }
}
