import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ClientConfig } from 'pg'
import { AppError } from '../core/errors.ts'
import { isRunning } from '../core/processes.ts'

const PORT = 5432

export interface EmbeddedDatabase {
  /** How `pg` reaches it. */
  connection: ClientConfig
  /** False when another process of ours already runs this folder's database and we use that one. */
  owner: boolean
  close(): Promise<void>
}

/** The folder of the socket: short enough for the 107 bytes a socket path may have, readable by us alone. */
function socketFolder(dataDir: string): string {
  const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)
  return join(tmpdir(), `patchbay-${process.getuid?.() ?? 0}-${name}`)
}

/** The process that runs this folder's database, if it is alive. */
function ownerPid(lockPath: string): number | undefined {
  if (!existsSync(lockPath)) return undefined
  const pid = Number.parseInt(readFileSync(lockPath, 'utf8'), 10)
  return Number.isInteger(pid) && pid !== process.pid && isRunning(pid) ? pid : undefined
}

/**
 * Opens the embedded database of a data folder, making it on first use. The first process runs it; others on
 * the same folder (a CLI call, an MCP server on stdio) reach it through its socket.
 * @throws AppError `unavailable` when the folder cannot be used
 */
export async function openEmbedded(dataDir: string): Promise<EmbeddedDatabase> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const folder = socketFolder(dataDir)
  const lockPath = join(dataDir, 'database.lock')
  const connection: ClientConfig = { host: folder, port: PORT, user: 'postgres', database: 'postgres' }

  try {
    writeFileSync(lockPath, String(process.pid), { flag: 'wx', mode: 0o600 })
  } catch {
    if (ownerPid(lockPath) !== undefined) return { connection, owner: false, close: async () => {} }
    writeFileSync(lockPath, String(process.pid), { mode: 0o600 }) // left behind by a process that died
  }

  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const thread = new Worker(new URL('./embedded-thread.ts', import.meta.url), {
    workerData: { dataDir: resolve(dataDir, 'postgres'), socketPath: join(folder, `.s.PGSQL.${PORT}`) },
  })
  const exited = new Promise<void>((done) => thread.once('exit', () => done()))
  const release = () => {
    rmSync(lockPath, { force: true })
    rmSync(folder, { recursive: true, force: true })
  }
  await new Promise<void>((done, fail) => {
    thread.once('message', () => done())
    thread.once('error', fail)
  }).catch((error: unknown) => {
    release()
    throw new AppError('unavailable', `The embedded database in '${dataDir}' could not be opened.`, {
      hint: 'Check that the folder is writable and was made by this version; move it away to start afresh.',
      cause: error,
    })
  })
  // Without its database the process is of no use: what the thread broke down with ends it, and is seen.
  thread.on('error', (error) => {
    throw error
  })
  return {
    connection,
    owner: true,
    close: async () => {
      thread.postMessage('close')
      await exited // also when it broke down long ago
      release()
    },
  }
}
