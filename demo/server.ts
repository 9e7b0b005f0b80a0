import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Server {
  url: string
  ownerKey: string
  stop(): Promise<void>
}

/**
 * Starts Patchbay as `npm start` does, on a data folder of its own that goes away with it.
 * @param settings more PATCHBAY_… variables
 * @param data what the folder has in it at first: see {@link prepareData}
 */
export async function startPatchbay(settings: Record<string, string> = {}, data?: string): Promise<Server> {
  const { child: _, ...server } = await onData('main.ts', settings, data)
  return server
}

/** A server that many measurements share, each in an organization of its own. */
export interface SharedServer extends Omit<Server, 'ownerKey'> {
  /** @returns the owner's key of an organization that nobody has used */
  organization(): Promise<string>
}

/** As {@link startPatchbay}, for more than one organization. */
export async function startSharedServer(data?: string): Promise<SharedServer> {
  const { child, ownerKey: _, ...server } = await onData('harness.ts', {}, data)
  let count = 0
  return {
    ...server,
    organization: () => {
      count += 1
      return askFor(child, `Organization ${count}`)
    },
  }
}

function askFor(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the server ended with code ${code}`))
    const answered = (answer: { name: string; key?: string; problem?: string }) => {
      if (answer.name !== name) return
      child.off('message', answered)
      child.off('exit', ended)
      if (answer.key === undefined) reject(new Error(answer.problem))
      else resolve(answer.key)
    }
    child.on('message', answered)
    child.once('exit', ended)
    child.send({ name })
  })
}

async function onData(program: Program, settings: Record<string, string>, data?: string) {
  const dataDir = newFolder()
  if (data !== undefined) cpSync(data, dataDir, { recursive: true })
  const server = await serve(program, dataDir, settings)
  return {
    ...server,
    stop: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Files of `server/`. */
type Program = 'main.ts' | 'harness.ts'

/**
 * The data of a server that was started once and did nothing: one that begins with a copy has no database to make, which
 * is most of a first start. @returns the folder, for the caller to delete
 */
export async function prepareData(): Promise<string> {
  const dataDir = newFolder()
  const server = await serve('main.ts', dataDir, {})
  await server.stop()
  return dataDir
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'patchbay-demo-'))

async function serve(program: Program, dataDir: string, settings: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../server/${program}`, import.meta.url))], {
    env: {
      PATH: process.env.PATH ?? '',
      PATCHBAY_DATA_DIR: dataDir,
      PATCHBAY_PORT: '0',
      PATCHBAY_LOG_LEVEL: 'error',
      // The app of the demo runs on this machine, where connectors may normally not call.
      PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe', ...(program === 'harness.ts' ? (['ipc'] as const) : [])],
  })
  // Errors are shown; what it says when it is told to stop is not.
  let stopping = false
  child.stderr?.on('data', (chunk) => {
    if (!stopping) process.stderr.write(chunk)
  })
  const url = await readyUrl(child)
  return {
    child,
    url,
    ownerKey: readFileSync(join(dataDir, 'owner.key'), 'utf8').trim(),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      stopping = true
      child.kill('SIGTERM')
      await ended
    },
  }
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const url = /ready at (http\S+?),/.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code} before it was ready`)))
  })
}
