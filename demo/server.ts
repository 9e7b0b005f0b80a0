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
  const dataDir = newFolder()
  if (data !== undefined) cpSync(data, dataDir, { recursive: true })
  const server = await serve(dataDir, settings)
  return {
    ...server,
    stop: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/**
 * The data of a server that was started once and did nothing: one that begins with a copy has no database to make, which
 * is most of a first start. @returns the folder, for the caller to delete
 */
export async function prepareData(): Promise<string> {
  const dataDir = newFolder()
  const server = await serve(dataDir, {})
  await server.stop()
  return dataDir
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'patchbay-demo-'))

async function serve(dataDir: string, settings: Record<string, string>): Promise<Server> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../server/main.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH ?? '',
      PATCHBAY_DATA_DIR: dataDir,
      PATCHBAY_PORT: '0',
      PATCHBAY_LOG_LEVEL: 'error',
      // The app of the demo runs on this machine, where connectors may normally not call.
      PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Errors are shown; what it says when it is told to stop is not.
  let stopping = false
  child.stderr?.on('data', (chunk) => {
    if (!stopping) process.stderr.write(chunk)
  })
  const url = await readyUrl(child)
  return {
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
