import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, stopProcess, type TestServer, untilListening } from './postgres-server.ts'

/** A Redis server of its own on a free port, or undefined where `redis-server` is not installed. */
export async function startRedis(): Promise<TestServer | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-redis-'))
  const port = await freePort()
  const start = async () => {
    const started = spawn(
      'redis-server',
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '', // it comes back empty when it is killed
        '--maxmemory-policy',
        'noeviction',
      ],
      { stdio: 'ignore' },
    )
    await untilListening(port, started)
    return started
  }
  let child = await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    alive: () => child.exitCode === null && child.signalCode === null,
    kill: () => stopProcess(child, 'SIGKILL'),
    restart: async () => {
      child = await start()
    },
    stop: async () => {
      await stopProcess(child, 'SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
