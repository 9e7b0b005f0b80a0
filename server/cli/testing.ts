import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const cliPath = fileURLToPath(new URL('../cli.ts', import.meta.url))

/** Without settings of whoever runs the tests. */
export const clean = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(PATCHBAY_|DATABASE_URL|REDIS_URL)/.test(name)),
  )

export interface Run {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  stdin?: string
}

/** `patchbay …` as a process of its own, on a data folder. */
export function spawnPatchbay(dataDir: string, args: string[], options: RunOptions = {}): Promise<Run> {
  const env = { ...clean(process.env), PATCHBAY_DATA_DIR: dataDir, ...options.env }
  return new Promise((done) => {
    const child = execFile(process.execPath, [cliPath, ...args], { env }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
    child.stdin?.end(options.stdin ?? '')
  })
}

export const json = (run: Run): unknown => {
  expect(run.stderr).toBe('')
  return JSON.parse(run.stdout)
}
