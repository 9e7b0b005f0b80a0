import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a data folder keeps the owner key its first start made. */
export const ownerKeyPath = (dataDir: string): string => join(dataDir, 'owner.key')

/** The key written on the data folder's first start. */
export function readOwnerKey(dataDir: string): string | undefined {
  const path = ownerKeyPath(dataDir)
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Writes the key for the folder's owner alone, also in place of an older file that others could read. */
export function writeOwnerKey(dataDir: string, key: string): void {
  const path = ownerKeyPath(dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (existsSync(path)) chmodSync(path, 0o600)
  writeFileSync(path, `${key}\n`, { mode: 0o600 })
}
