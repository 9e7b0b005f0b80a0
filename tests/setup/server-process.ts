import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from './database.ts'
import type { Body } from './platform.ts'

export const OWNER_KEY = `pk_live_${'k'.repeat(43)}`
const PROGRAMS = {
  server: { file: '../../server/main.ts', ready: /ready at (http\S+?),/ },
  worker: { file: '../../server/worker.ts', ready: /worker started()/ },
}

/** Lines logged as errors, and what Node says when a process ends by one. */
const SERIOUS = /"level":[56]0|Error/

export type Where = Pick<TestDatabase, 'databaseUrl' | 'dataDir'>

export interface ServerProcess {
  child: ChildProcess
  url: string
  /** Calls a tool as the owner; fails unless it succeeded. */
  ok(tool: string, input?: object): Promise<Body>
}

/** A server as a process of its own, as operators run it; `onSpawn` gets the process before it is ready. */
export async function startServerProcess(
  where: Where,
  environment: Record<string, string> = {},
  onSpawn?: (child: ChildProcess) => void,
): Promise<ServerProcess> {
  const { child, said } = await startProgram('server', where, environment, onSpawn)
  const url = said ?? ''
  return { child, url, ok: (tool, input) => callTool(url, tool, input) }
}

/** A process that only runs executions. */
export const startWorkerProcess = async (
  where: Where,
  environment: Record<string, string> = {},
  onSpawn?: (child: ChildProcess) => void,
): Promise<ChildProcess> =>
  (await startProgram('worker', where, { PATCHBAY_LOG_LEVEL: 'info', ...environment }, onSpawn)).child

async function startProgram(
  name: keyof typeof PROGRAMS,
  where: Where,
  environment: Record<string, string>,
  onSpawn: ((child: ChildProcess) => void) | undefined,
) {
  const { file, ready } = PROGRAMS[name]
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    env: {
      PATH: process.env.PATH ?? '',
      PATCHBAY_PORT: '0',
      PATCHBAY_DATA_DIR: where.dataDir,
      PATCHBAY_LOG_LEVEL: 'error',
      PATCHBAY_API_KEY: OWNER_KEY,
      PATCHBAY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
      PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
      ...(where.databaseUrl === undefined ? {} : { DATABASE_URL: where.databaseUrl }),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onSpawn?.(child)
  const said = await new Promise<string | undefined>((resolve, reject) => {
    let text = ''
    const hear = (chunk: Buffer) => {
      text = (text + String(chunk)).slice(-100_000)
      const found = ready.exec(text)
      if (found !== null) resolve(found[1])
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', (chunk: Buffer) => {
      hear(chunk)
      // Who watches the process itself reads for himself.
      if (onSpawn === undefined && SERIOUS.test(String(chunk))) process.stderr.write(chunk)
    })
    child.once('exit', (code, signal) =>
      reject(new Error(`the ${name} ended with ${code ?? signal}: ${text}`)),
    )
  })
  return { child, said }
}

async function callTool(url: string, tool: string, input: object = {}): Promise<Body> {
  const response = await fetch(`${url}/api/v1/tools/${tool}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })
  const body = (await response.json()) as Body
  if (!response.ok) throw new Error(`${tool}: ${JSON.stringify(body)}`)
  return body
}

/** Ids of the processes a process has started: its sandbox processes. */
export function childrenOf(pid: number): number[] {
  try {
    const text = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    return text.split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if ((error as { status?: number }).status === 1) return [] // none
    throw error
  }
}
