import { parseArgs } from 'node:util'
import { readConfig } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import { runningServer } from './cli/running-server.ts'
import { compose } from './compose.ts'
import { buildMcpFactory } from './mcp/factory.ts'
import { openGateway, parseGateway } from './mcp/gateway/session.ts'
import { parseSelection } from './mcp/toolsets.ts'
import { serveMcpStdio } from './mcp/transport/stdio.ts'
import { readOwnerKey } from './owner-key.ts'
import { runUntilStopped } from './process.ts'

/** What the address says over HTTP (`/mcp?customer=acme`), options say here (`--customer acme`). */
const options = {
  toolsets: { type: 'string' },
  customer: { type: 'string' },
  connectors: { type: 'string' },
  readOnly: { type: 'string' },
} as const

/**
 * MCP over stdio for a client that starts Patchbay itself: on the data folder (or DATABASE_URL), beside a
 * running server or alone. Acts as the key in PATCHBAY_API_KEY, or as the data folder's owner.
 */
await runUntilStopped(async () => {
  const config = readConfig({ PATCHBAY_LOG_LEVEL: 'warn', ...process.env })
  const platform = await compose(config)
  const key = config.ownerApiKey ?? readOwnerKey(config.dataDir)
  if (key === undefined) {
    throw new AppError(
      'misconfigured',
      'No API key: the data folder has none and PATCHBAY_API_KEY is not set.',
      {
        hint: 'Set PATCHBAY_API_KEY to a key of this installation.',
      },
    )
  }
  const actor = await platform.apiKeys.authenticate(key, { door: 'mcp', ip: '127.0.0.1' })
  // Webhook addresses and connect links lead to the server beside this process.
  const server = await runningServer(config.dataDir)
  if (server !== undefined) platform.setPublicUrl(server)
  await platform.startWork()
  const { values } = parseArgs({ options, strict: false })
  const asked = new URLSearchParams()
  for (const name of Object.keys(options)) {
    if (values[name] !== undefined) asked.set(name, String(values[name]))
  }
  const gateway = parseGateway(asked, actor)
  const stdio = serveMcpStdio({
    factory: buildMcpFactory(platform, {
      actor,
      selection: parseSelection(asked.get('toolsets')),
      gateway: gateway === null ? null : await openGateway(platform.db, actor, gateway),
    }),
    log: platform.log,
  })
  platform.onChanged((_, what) => (what === 'tools' ? stdio.toolsChanged() : stdio.resourcesChanged()))
  // The client ends the connection by closing our stdin.
  stdio.closed
    .then(() => process.kill(process.pid, 'SIGTERM'))
    .catch((error: Error) => platform.log.error({ err: error }, 'stdio'))
  return {
    close: async () => {
      await stdio.close()
      await platform.close()
    },
  }
})
