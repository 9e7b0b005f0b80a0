import { execFileSync } from 'node:child_process'
import type { Json } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { prepareWorkflow } from './prepare.ts'
import type { Bridge, BridgeCall, SandboxJob, WorkflowError } from './sandbox.ts'

/** Helpers for the sandbox's own tests. */
export const silentLog: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}

export type JobChanges = Partial<Omit<SandboxJob, 'limits'>> & { limits?: Partial<SandboxJob['limits']> }

/** A job for one workflow; small limits, so that a broken limit fails its test fast. */
export function jobFor(source: string, { limits, ...changes }: JobChanges = {}): SandboxJob {
  return {
    isolateKey: source,
    depth: 0,
    code: prepareWorkflow(source).code,
    filename: 'sync-orders.js',
    input: null,
    headers: {},
    context: {
      execution: { id: 'exec_1', attempt: 1 },
      workflow: { id: 'wf_1', slug: 'sync-orders', version: 3 },
      customer: { id: 'cus_1', name: 'Acme' },
      environment: 'dev',
      trigger: null,
    },
    connectors: ['slack', 'google-sheets'],
    ...changes,
    limits: {
      timeoutMs: 5_000,
      cpuMs: 2_000,
      memoryMb: 32,
      maxLogLines: 50,
      maxLogBytes: 20_000,
      maxOutputBytes: 100_000,
      ...limits,
    },
  }
}

/** A workflow whose body is `body`. */
export const workflow = (body: string): string => `export default async (ctx) => {\n${body}\n}`

/** A bridge that answers every connector call with what it was asked, and keeps the calls. */
export function echoBridge(): Bridge & { calls: BridgeCall[] } {
  const calls: BridgeCall[] = []
  const bridge: Bridge = async (call) => {
    calls.push(call)
    if (call.name === 'connectors.call') return { output: call.args, status: 200, headers: {}, durationMs: 1 }
    return call.args[0] ?? null
  }
  return Object.assign(bridge, { calls })
}

export function outputOf(result: { status: string; output?: Json; error?: WorkflowError }): Json {
  if (result.status !== 'completed')
    throw new Error(`${result.status}: ${result.error?.kind} ${result.error?.message}`)
  return result.output ?? null
}

/** Sandbox processes of this test process. */
export function childPids(): number[] {
  const listed = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
  return listed
    .split('\n')
    .filter((line) => /sandbox\/worker\.ts/.test(line))
    .map((line) => Number.parseInt(line, 10))
}
