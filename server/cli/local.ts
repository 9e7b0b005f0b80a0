import type { Config } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import { buildLogger } from '../../core/log.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { invoke } from '../../tools/invoke.ts'
import { compose } from '../compose.ts'
import { readOwnerKey } from '../owner-key.ts'

/**
 * Calls a tool in this process, on the data folder or DATABASE_URL. What it queues waits for a server or worker.
 * @param key of the caller; the data folder's owner when left out
 */
export async function callLocally(
  config: Config,
  tool: AnyTool,
  input: Record<string, unknown>,
  key: string | undefined,
): Promise<unknown> {
  // A person looks at this terminal: less than warnings is noise there.
  const platform = await compose(config, buildLogger(config.logLevel === 'info' ? 'warn' : config.logLevel))
  try {
    const used = key ?? readOwnerKey(config.dataDir)
    if (used === undefined) {
      throw new AppError('misconfigured', 'There is no API key to call with.', {
        hint: 'Set PATCHBAY_API_KEY or give --api-key.',
      })
    }
    const actor = await platform.apiKeys.authenticate(used, { door: 'cli', ip: '127.0.0.1' })
    return await invoke(platform.invoker, { tool, actor, input })
  } finally {
    await platform.close()
  }
}
