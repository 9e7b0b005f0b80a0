import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from './database.ts'
import type { Body } from './platform.ts'

export const OWNER_KEY = `pk_live_${'k'.repeat(43)}`
const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

export interface ServerProcess {
  child: ChildProcess
  url: string
  /** Calls a tool as the owner; fails unless it succeeded. */
  ok(tool: string, input?: object): Promise<Body>
}

/** A server as a process of its own, as operators run it. */
export async function startServerProcess(
  database: TestDatabase,
  environment: Record<string, string> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH ?? '',
      PATCHBAY_PORT: '0',
      PATCHBAY_DATA_DIR: database.dataDir,
      PATCHBAY_LOG_LEVEL: 'error',
      PATCHBAY_API_KEY: OWNER_KEY,
      PATCHBAY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
      PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
      ...(database.databaseUrl === undefined ? {} : { DATABASE_URL: database.databaseUrl }),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += String(chunk)
      const found = /ready at (http\S+?),/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
  })
  const ok: ServerProcess['ok'] = async (tool, input = {}) => {
    const response = await fetch(`${url}/api/v1/tools/${tool}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
    const body = (await response.json()) as Body
    if (!response.ok) throw new Error(`${tool}: ${JSON.stringify(body)}`)
    return body
  }
  return { child, url, ok }
}
