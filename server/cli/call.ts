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
  const named = options.url ?? config.clientUrl
  const running = await runningServer(config.dataDir)
  const url = named?.replace(/\/+$/, '') ?? running
  const given = options.apiKey ?? config.ownerApiKey
  if (url === undefined) {
    const { callLocally } = await import('./local.ts') // everything the server is made of: not needed above
    return callLocally(config, tool, input, given)
  }
  // The owner key of the folder is for the folder's server, and is not sent to any other.
  const key = given ?? (url === running ? readOwnerKey(config.dataDir) : undefined)
  if (key === undefined) {
    throw new AppError('misconfigured', `There is no API key to call ${url} with.`, {
      hint: 'Set PATCHBAY_API_KEY or give --api-key.',
    })
  }
  return callOverHttp({ url, key }, tool.name, input)
}
