import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readConfig } from '../core/config.ts'
import { buildLogger } from '../core/log.ts'
import { createTestDatabase } from '../tests/setup/database.ts'
import { compose } from './compose.ts'

const stdio = fileURLToPath(new URL('stdio.ts', import.meta.url))
const silent = buildLogger('silent')
const configOf = (dataDir: string) =>
  readConfig({ PATCHBAY_DATA_DIR: dataDir, PATCHBAY_PORT: '0', PATCHBAY_MASTER_KEY: `${'A'.repeat(43)}=` })

test('a first start over stdio leaves the owner’s key in the data folder, for the owner alone', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  try {
    const child = spawn(process.execPath, [stdio], {
      env: { PATH: process.env.PATH, PATCHBAY_DATA_DIR: dataDir },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const path = join(dataDir, 'owner.key')
    await expect
      .poll(() => statSync(path, { throwIfNoEntry: false })?.size, { timeout: 35_000 })
      .toBeGreaterThan(40)
    expect(readFileSync(path, 'utf8')).toMatch(/^pk_live_/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const exited = new Promise((done) => child.once('exit', done))
    child.stdin.end()
    await exited
  } finally {
    await drop()
  }
}, 60_000)

test('a key file others could read is not left readable by them', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  const path = join(dataDir, 'owner.key')
  writeFileSync(path, 'old')
  chmodSync(path, 0o644)
  try {
    await (await compose(configOf(dataDir), silent)).close()
    expect(readFileSync(path, 'utf8')).toMatch(/^pk_live_/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  } finally {
    await drop()
  }
})

test('a start that cannot keep the owner’s key makes no organization: the next one can', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  const path = join(dataDir, 'owner.key')
  mkdirSync(path) // a folder stands where the file should
  try {
    await expect(compose(configOf(dataDir), silent)).rejects.toThrow(/EISDIR/)
    rmSync(path, { recursive: true })
    const platform = await compose(configOf(dataDir), silent)
    expect(readFileSync(path, 'utf8').trim()).toBe(platform.newOwnerKey)
    await platform.close()
  } finally {
    await drop()
  }
})
