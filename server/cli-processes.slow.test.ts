import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../tests/setup/database.ts'
import { clean, cliPath, json, spawnPatchbay } from './cli/testing.ts'

test('a server is started, called, stopped; then the same folder is worked on without one', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  const env = { PATCHBAY_DATA_DIR: dataDir, PATCHBAY_PORT: '0', PATCHBAY_LOG_LEVEL: 'warn' }
  try {
    const started = execFile(process.execPath, [cliPath, 'start'], { env: { ...clean(process.env), ...env } })
    const stopped = new Promise<number | null>((done) => started.once('exit', done))
    await expect.poll(() => existsSync(join(dataDir, 'server.json')), { timeout: 60_000 }).toBe(true)
    const made = await spawnPatchbay(dataDir, ['create_customer', '--name', 'Over HTTP'])
    expect(json(made)).toMatchObject({ customer: { slug: 'over-http' } })
    started.kill('SIGTERM')
    expect(await stopped).toBe(0)

    const local = await spawnPatchbay(dataDir, ['list_customers'])
    expect(json(local)).toMatchObject({ customers: [{ slug: 'over-http' }] })
    const log = await spawnPatchbay(dataDir, ['list_audit_log', '--action', 'create_customer'])
    expect(json(log)).toMatchObject({ entries: [{ door: 'http' }] })
  } finally {
    await drop()
  }
})

test('who ends `npm start` ends the server', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  const env = { PATCHBAY_DATA_DIR: dataDir, PATCHBAY_PORT: '0', PATCHBAY_LOG_LEVEL: 'warn' }
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...clean(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Whatever still holds the output is still there.
  let gone = false
  npm.once('close', () => (gone = true))
  for (const output of [npm.stdout, npm.stderr]) output.resume()
  const file = join(dataDir, 'server.json')
  try {
    await expect.poll(() => existsSync(file), { timeout: 60_000 }).toBe(true)
    npm.kill('SIGTERM')
    await expect.poll(() => gone, { timeout: 20_000 }).toBe(true)
  } finally {
    if (!gone && existsSync(file)) process.kill(JSON.parse(readFileSync(file, 'utf8')).pid)
    await drop()
  }
})

test('who reads no further than he needs, as `head` does, is told nothing more', async () => {
  const child = spawn(process.execPath, [cliPath, '--help'], {
    env: clean(process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
  const code = await new Promise((done) => child.once('close', done))
  expect([said, code]).toEqual(['', 0])
})

test('the first command on an empty folder sets it up and leaves the owner’s key there, for the owner alone', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  try {
    const run = await spawnPatchbay(dataDir, ['create_customer', '--name', 'First'])
    expect(json(run)).toMatchObject({ customer: { slug: 'first' } })
    expect(readFileSync(join(dataDir, 'owner.key'), 'utf8')).toMatch(/^pk_live_/)
    expect(statSync(join(dataDir, 'owner.key')).mode & 0o777).toBe(0o600)
  } finally {
    await drop()
  }
})
