import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../core/errors.ts'

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
