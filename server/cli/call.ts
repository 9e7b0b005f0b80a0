import type { Config } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { readOwnerKey } from '../owner-key.ts'
import type { TargetOptions } from './program.ts'
import { callOverHttp } from './remote.ts'
import { runningServer } from './running-server.ts'

/**
 * Calls a tool: at the server named, at the running server of the data folder, or, when there is none, in this
 * process on the data folder (or DATABASE_URL).
 * @throws AppError the call's own error; `misconfigured` when there is no key to call with
 */
export async function callTool(
  config: Config,
  tool: AnyTool,
  input: Record<string, unknown>,
  options: TargetOptions,
): Promise<unknown> {
  const server = await serverOf(config, options)
  if (server !== undefined) return callOverHttp(server, tool.name, input)
  const { callLocally } = await import('./local.ts') // everything the server is made of: not needed above
  return callLocally(config, tool, input, options.apiKey ?? config.ownerApiKey)
}

/**
 * The server to call and the key to call it with: the one named, or the running one of the data folder.
 * @returns undefined when none is named and none runs
 * @throws AppError `misconfigured` when there is no key to call with
 */
export async function serverOf(
  config: Config,
  options: TargetOptions,
): Promise<{ url: string; key: string } | undefined> {
  const named = options.url ?? config.clientUrl
  const running = await runningServer(config.dataDir)
  const url = named?.replace(/\/+$/, '') ?? running
  if (url === undefined) return undefined
  // The owner key of the folder is for the folder's server, and is not sent to any other.
  const key =
    options.apiKey ?? config.ownerApiKey ?? (url === running ? readOwnerKey(config.dataDir) : undefined)
  if (key === undefined) {
    throw new AppError('misconfigured', `There is no API key to call ${url} with.`, {
      hint: 'Set PATCHBAY_API_KEY or give --api-key.',
    })
  }
  return { url, key }
}
