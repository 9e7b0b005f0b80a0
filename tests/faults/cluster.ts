import { type ChildProcess, execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startPostgres, type TestServer } from '../setup/postgres-server.ts'
import { startRedis } from '../setup/redis-server.ts'
import { childrenOf, startServerProcess, startWorkerProcess } from '../setup/server-process.ts'
import { startProxy, type TcpProxy } from './proxy.ts'

export type Backend = 'postgres' | 'redis'

const DISK_BYTES = 1024 * 1024 * 1024
const RESTART_TRIES = 100
const RESTART_MS = 200
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'

/** One process of the product, started again by this one whenever it ends. */
export interface Member {
  name: string
  /** Undefined while it is not there. */
  pid(): number | undefined
  /** Its own way to the database, and to Redis. */
  proxies: readonly TcpProxy[]
  /** How often it was started. */
  starts: number
}

export interface Cluster {
  url: string
  members: readonly Member[]
  postgres: TestServer
  redis: TestServer | undefined
  databaseUrl: string
  /** Moves the clock of one worker by seconds; undefined where libfaketime is not installed. */
  setClock: ((seconds: number) => void) | undefined
  /** Takes what is left of the disk the database is on, and gives it back; undefined where none can be mounted. */
  disk: { fill(): void; free(): void } | undefined
  close(): Promise<void>
}

/** Postgres, Redis, a server and two workers, each a process of its own that can be harmed. */
export async function startCluster(backend: Backend): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-faults-'))
  chmodSync(folder, 0o711) // Postgres is another user, on the way to its disk
  const disk = mountDisk(join(folder, 'disk'))
  const postgres = await startPostgres({ durable: true, ...(disk === undefined ? {} : { folder: disk }) })
  if (postgres === undefined) throw new Error('no Postgres is to be had here')
  const redis = backend === 'redis' ? await startRedis() : undefined
  if (backend === 'redis' && redis === undefined) throw new Error('redis-server is not installed')
  const clockFile = join(folder, 'clock')
  const setClock = (seconds: number) => writeFileSync(clockFile, `${seconds < 0 ? '' : '+'}${seconds}\n`)
  setClock(0)
  const faketime = existsSync(FAKETIME)

  const logFolder = process.env.FAULTS_LOGS
  if (logFolder !== undefined) mkdirSync(logFolder, { recursive: true })
  let closing = false
  const port = await freePort()
  const children = new Map<string, ChildProcess>()
  const starting: Promise<void>[] = []
  const members: Member[] = []
  for (const name of ['server', 'worker-1', 'worker-2']) {
    const database = await startProxy(postgres.port)
    const queue = redis === undefined ? undefined : await startProxy(redis.port)
    const where = {
      databaseUrl: postgres.url.replace(`:${postgres.port}`, `:${database.port}`),
      dataDir: join(folder, name),
    }
    const environment = {
      PATCHBAY_LOG_LEVEL: name === 'server' ? 'warn' : 'info',
      PATCHBAY_PORT: String(port),
      PATCHBAY_WORKER_CONCURRENCY: '20',
      PATCHBAY_RATE_LIMIT_PER_MINUTE: '100000',
      ...(queue === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${queue.port}` }),
      ...(name === 'worker-2' && faketime
        ? {
            LD_PRELOAD: FAKETIME,
            FAKETIME_TIMESTAMP_FILE: clockFile,
            FAKETIME_CACHE_DURATION: '1',
            FAKETIME_DONT_FAKE_MONOTONIC: '1',
            DONT_FAKE_MONOTONIC: '1',
            NO_FAKE_STAT: '1',
          }
        : {}),
    }
    const member: Member = {
      name,
      pid: () => children.get(name)?.pid,
      proxies: [database, ...(queue === undefined ? [] : [queue])],
      starts: 0,
    }
    const onSpawn = (child: ChildProcess) => {
      children.set(name, child)
      if (logFolder !== undefined)
        child.stderr?.on('data', (text) => appendFileSync(join(logFolder, `${name}.log`), text))
    }
    const keepUp = async (): Promise<void> => {
      for (let tries = 1; !closing; tries += 1) {
        const started = (
          name === 'server'
            ? startServerProcess(where, environment, onSpawn).then(({ child }) => child)
            : startWorkerProcess(where, environment, onSpawn)
        ).catch((error: Error) => error)
        const child = await started
        if (child instanceof Error) {
          children.delete(name)
          if (tries === RESTART_TRIES) throw child
          await new Promise((next) => setTimeout(next, RESTART_MS))
          continue
        }
        member.starts += 1
        const ended = () => {
          if (children.get(name) === child) children.delete(name)
          if (!closing) void keepUp()
        }
        if (child.exitCode !== null || child.signalCode !== null) ended()
        else child.once('exit', ended)
        return
      }
    }
    members.push(member)
    starting.push(keepUp())
    await starting[0] // the first one migrates
  }
  await Promise.all(starting)

  const ballast = disk === undefined ? undefined : join(disk, 'ballast')
  return {
    url: `http://127.0.0.1:${port}`,
    members,
    postgres,
    redis,
    databaseUrl: postgres.url,
    setClock: faketime ? setClock : undefined,
    disk:
      disk === undefined || ballast === undefined
        ? undefined
        : { fill: () => fill(disk, ballast), free: () => rmSync(ballast, { force: true }) },
    close: async () => {
      closing = true
      for (const child of children.values()) child.kill('SIGKILL')
      for (const { proxies } of members) for (const proxy of proxies) await proxy.close()
      await redis?.stop()
      await postgres.stop()
      if (disk !== undefined) execFileSync('umount', ['-l', disk])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A small disk in memory, where this user may mount one. */
function mountDisk(folder: string): string | undefined {
  if (process.getuid?.() !== 0) return undefined
  try {
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'pipe' })
    return folder
  } catch {
    return undefined // a container without the right to mount
  }
}

function fill(disk: string, ballast: string): void {
  const { bavail, bsize } = statfsSync(disk)
  execFileSync('fallocate', ['-l', String(Math.max(1, Math.floor(bavail * bsize * 0.95))), ballast])
  const chunk = Buffer.alloc(256 * 1024)
  try {
    for (;;) appendFileSync(ballast, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error // that is what was wanted
  }
}

/** A process with its sandbox processes. */
export const familyOf = (pid: number): number[] => [pid, ...childrenOf(pid)]

/** Starts a server that was killed or gave up; it may need some tries while its old processes go. */
export async function revive(server: TestServer): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await server.restart()
      return
    } catch (error) {
      if (tries === RESTART_TRIES) throw error
      await new Promise((next) => setTimeout(next, RESTART_MS))
    }
  }
}
