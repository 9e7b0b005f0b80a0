import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../tests/setup/database.ts'
import { startUpstream } from '../tests/setup/upstream.ts'
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

test('Ctrl-C, which a terminal sends to every process of the server, lets what is under way finish', async () => {
  const { dataDir, drop } = await createTestDatabase('embedded')
  const upstream = await startUpstream()
  const asked = Promise.withResolvers<void>()
  upstream.answer = async ({ path }) => {
    if (path === '/slow') {
      asked.resolve()
      await new Promise((done) => setTimeout(done, 500))
    }
    return { status: 200, body: {} }
  }
  const env = {
    ...{ PATCHBAY_DATA_DIR: dataDir, PATCHBAY_PORT: '0', PATCHBAY_LOG_LEVEL: 'warn' },
    PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
  }
  // A group of its own, as a shell gives each job.
  const server = spawn(process.execPath, [cliPath, 'start'], {
    ...{ env: { ...clean(process.env), ...env }, detached: true },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
  const stopped = new Promise<number | null>((done) => server.once('exit', done))
  try {
    await expect.poll(() => existsSync(join(dataDir, 'server.json')), { timeout: 60_000 }).toBe(true)
    const code = `export default async (ctx) => {
      await ctx.fetch('${upstream.url}/slow')
      await ctx.fetch('${upstream.url}/after')
    }`
    const about = ['--slug', 'slow', '--name', 'Slow', '--tier', 'standard', '--code', code]
    json(await spawnPatchbay(dataDir, ['create_workflow', ...about]))
    json(await spawnPatchbay(dataDir, ['publish_workflow', '--workflow', 'slow']))
    json(await spawnPatchbay(dataDir, ['deploy_workflow', '--workflow', 'slow', '--environment', 'dev']))
    json(await spawnPatchbay(dataDir, ['run_workflow', '--workflow', 'slow']))
    await asked.promise
    process.kill(-(server.pid ?? 0), 'SIGINT')
    // npm, which has it too, passes it on.
    setTimeout(() => server.kill('SIGINT'), 10)
    expect(await stopped, said).toBe(0)
    expect(upstream.received.map(({ path }) => path)).toEqual(['/slow', '/after'])
    const { executions } = json(await spawnPatchbay(dataDir, ['list_executions'])) as { executions: object[] }
    expect(executions).toMatchObject([{ workflow: 'slow', status: 'completed' }])
    expect(said).not.toContain('sandbox process ended')
  } finally {
    if (server.exitCode === null) server.kill('SIGKILL')
    await upstream.close()
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
