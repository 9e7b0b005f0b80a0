import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { isRunning } from '../core/processes.ts'
import { compose, type Platform } from './compose.ts'
import type { ComposeOptions } from './compose-options.ts'
import { mountConnect } from './connect/routes.ts'
import { buildHttpApp } from './http/app.ts'
import { announceChanges, mountMcp } from './http/mcp.ts'
import { mountOAuthCallback } from './http/oauth.ts'
import { MAX_BODY_BYTES } from './http/problem.ts'
import { mountWebhooks } from './http/webhooks.ts'
import { buildMcpFactory } from './mcp/factory.ts'
import { buildMcpEndpoint } from './mcp/transport/http.ts'
import { ownerKeyPath } from './owner-key.ts'

/** Connections left open by clients are cut this long after the server stopped taking new ones. */
const CLOSE_GRACE_MS = 5_000
const CLOSE_IDLE_EVERY_MS = 100
/** Longer than proxies keep a connection that is idle, a minute mostly: else one closes here as a request comes. */
const KEEP_ALIVE_MS = 75_000

export interface RunningServer {
  platform: Platform
  /** Where it listens, e.g. `http://127.0.0.1:8787`. */
  url: string
  /** File that holds the owner key, when there is one. */
  ownerKeyPath: string
  close(): Promise<void>
}

/** Starts a whole server: all doors, and the worker that runs queued executions. */
export async function startServer(
  config: Config,
  log?: Logger,
  options?: ComposeOptions,
): Promise<RunningServer> {
  refuseSecondServer(config)
  const platform = await compose(config, log, options)
  try {
    return await listen(platform)
  } catch (error) {
    await platform.close()
    throw error
  }
}

const serverFileOf = (config: Config) => join(config.dataDir, 'server.json')

/** The embedded database belongs to one server: a second would lose it when the first one stops. */
function refuseSecondServer(config: Config): void {
  if (config.databaseUrl !== undefined || !existsSync(serverFileOf(config))) return
  const { url, pid } = JSON.parse(readFileSync(serverFileOf(config), 'utf8')) as { url: string; pid: number }
  if (pid === process.pid || !isRunning(pid)) return
  throw new AppError('misconfigured', `A server runs on this data folder already, at ${url}.`, {
    hint: 'Use that one, stop it first, or set PATCHBAY_DATA_DIR to another folder. Several servers share a Postgres server (DATABASE_URL).',
  })
}

async function listen(platform: Platform): Promise<RunningServer> {
  const { config } = platform
  const endpoint = buildMcpEndpoint({
    factory: buildMcpFactory(platform),
    log: platform.log,
    maxRequestBytes: MAX_BODY_BYTES,
  })
  platform.onChanged((scope, what) => announceChanges(endpoint, scope, what))

  let stopping = false
  const app = buildHttpApp({
    ...platform,
    ready: async () => (stopping ? { ok: false, checks: { server: 'stopping' } } : platform.ready()),
    extend: (express) => {
      mountMcp(express, { endpoint, apiKeys: platform.apiKeys, db: platform.db, config })
      mountConnect(express, platform)
      mountOAuthCallback(express, platform, platform.log)
      mountWebhooks(express, platform.ingest, config.maxWebhookBytes)
    },
  })
  const server = createServer(app)
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new AppError('misconfigured', `Cannot listen on ${config.host}:${config.port}: ${error.message}`, {
          hint:
            error.code === 'EADDRINUSE'
              ? 'Another program uses this port; set PATCHBAY_PORT to another, or to 0 for a free one.'
              : 'Check PATCHBAY_HOST and PATCHBAY_PORT.',
          cause: error,
        }),
      )
    })
    server.listen(config.port, config.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  platform.setPublicUrl(url)
  try {
    await platform.startWork()
  } catch (error) {
    server.close()
    throw error
  }
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 }) // with DATABASE_URL nothing else may have made it
  const serverFile = serverFileOf(config)
  writeFileSync(serverFile, JSON.stringify({ url, pid: process.pid, startedAt: new Date().toISOString() }), {
    mode: 0o600,
  })

  return {
    platform,
    url,
    ownerKeyPath: ownerKeyPath(config.dataDir),
    close: async () => {
      stopping = true
      rmSync(serverFile, { force: true })
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      // Those that answer now are idle in a moment.
      const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
      await endpoint.close()
      const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
      await closed
      clearTimeout(cut)
      clearInterval(idle)
      await platform.close()
    },
  }
}
