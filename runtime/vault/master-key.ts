import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { dataKeysByMasterKey } from '../../db/data-keys.ts'
import type { Database } from '../../db/database.ts'

export interface MasterKey {
  /** First 16 hex digits of the key's SHA-256: says which key wrapped a data key, without telling it. */
  id: string
  key: Buffer
}

const asMasterKey = (key: Buffer): MasterKey => ({
  id: createHash('sha256').update(key).digest('hex').slice(0, 16),
  key,
})

/** The master key from the setting, or the one kept in the data folder (made there, mode 0600, on first use). */
export function loadMasterKey(options: { masterKey: string | undefined; dataDir: string }): MasterKey {
  if (options.masterKey !== undefined) return asMasterKey(Buffer.from(options.masterKey, 'base64'))
  const path = join(options.dataDir, 'master.key')
  if (!existsSync(path)) {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
    writeFileSync(path, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' })
  }
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
  if (key.length !== 32) {
    throw new AppError('misconfigured', `'${path}' does not hold a master key (32 bytes in base64).`, {
      hint: 'Restore the file from a backup: without it the stored credentials and secrets cannot be opened.',
    })
  }
  return asMasterKey(key)
}

/** Keys of the setting that data keys may still be wrapped by. */
export const previousMasterKeys = (keys: readonly string[]): MasterKey[] =>
  keys.map((key) => asMasterKey(Buffer.from(key, 'base64')))

/**
 * Says in the log which organizations still need a master key other than the current one, and which need one that
 * is not configured: their credentials cannot be opened.
 */
export async function reportMasterKeys(
  db: Database,
  current: MasterKey,
  previous: readonly MasterKey[],
  log: Logger,
): Promise<void> {
  for (const { master_key_id: id, organizations } of await dataKeysByMasterKey(db)) {
    if (id === current.id) continue
    if (previous.some((key) => key.id === id)) {
      log.warn({ masterKey: id, organizations }, 'a previous master key is still needed: call rotate_keys')
    } else {
      log.error(
        { masterKey: id, organizations },
        'data keys are wrapped by a master key that is not configured: name it in PATCHBAY_PREVIOUS_MASTER_KEYS',
      )
    }
  }
}
