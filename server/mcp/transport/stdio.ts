import { Console } from 'node:console'
import type { Readable, Writable } from 'node:stream'
import { McpServer, type McpServerFactory, type Server } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Logger } from '../../../core/log.ts'
import { trackResourceSubscriptions } from './resource-subscriptions.ts'

export interface McpStdioOptions {
  factory: McpServerFactory
  log: Logger
  stdin?: Readable
  stdout?: Writable
}

export interface McpStdio {
  toolsChanged(): void
  promptsChanged(): void
  resourcesChanged(): void
  resourceUpdated(uri: string): void
  /** Settles when the client closed its end, or after `close`. */
  closed: Promise<void>
  close(): Promise<void>
}

/**
 * MCP over stdio, both protocol eras: the client's first message decides. On the process's own stdout,
 * `console` is moved to stderr for the lifetime of the connection, so that a stray `console.log` in a
 * dependency cannot break the protocol.
 */
export function serveMcpStdio({ factory, log, stdin, stdout }: McpStdioOptions): McpStdio {
  const restoreConsole = stdout === undefined ? keepConsoleOffStdout() : () => undefined
  const onError = (error: Error) => log.debug({ err: error }, 'mcp stdio')
  const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>()

  // The instance last built is the one serving: an earlier one was the probe of a client that fell back.
  let current: { server: Server; subscriptions: Set<string> | undefined } | undefined
  const tracked: McpServerFactory = async (context) => {
    const product = await factory(context)
    const server = product instanceof McpServer ? product.server : product
    const subscriptions = context.era === 'legacy' ? trackResourceSubscriptions(server) : undefined
    current = { server, subscriptions }
    return product
  }

  const transport = new StdioServerTransport(stdin, stdout)
  const handle = serveStdio(tracked, { transport, onerror: onError })
  const onWireClosed = transport.onclose
  transport.onclose = () => {
    onWireClosed?.()
    restoreConsole()
    markClosed()
  }

  const send = (notify: (server: Server) => Promise<void>) => {
    if (current !== undefined) notify(current.server).catch(onError)
  }
  return {
    toolsChanged: () => send((server) => server.sendToolListChanged()),
    promptsChanged: () => send((server) => server.sendPromptListChanged()),
    resourcesChanged: () => send((server) => server.sendResourceListChanged()),
    resourceUpdated: (uri) => {
      // On the 2026 era the SDK filters by the listen stream's own URIs.
      if (current?.subscriptions?.has(uri) === false) return
      send((server) => server.sendResourceUpdated({ uri }))
    },
    closed,
    close: () => handle.close(),
  }
}

function keepConsoleOffStdout(): () => void {
  const original = globalThis.console
  globalThis.console = new Console(process.stderr, process.stderr)
  return () => {
    globalThis.console = original
  }
}
