import { WARM_ISOLATES } from '../../core/config.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { sandboxFailure } from './failures.ts'
import { buildProcessPool } from './process-pool.ts'
import type { ProcessFigures, ToldStep } from './protocol.ts'

export interface SandboxJob {
  /**
   * How many workflows called one another to get to this one; {@link LEAF} of code that calls nothing. Runs wait only
   * for deeper ones, so each depth has places of its own: those who wait never keep out those they wait for.
   */
  depth: number
  /** Customer × workflow version: executions that share it may share a warm isolate, never a context. */
  isolateKey: string
  /** `PreparedWorkflow.code`. */
  code: string
  /** Shown in stack traces, e.g. `sync-orders.js`. */
  filename: string
  input: Json
  headers: Record<string, string>
  context: {
    execution: { id: string; attempt: number }
    workflow: { id: string; slug: string; version: number }
    customer: { id: string; name: string } | null
    environment: string
    trigger: JsonObject | null
  }
  /** Slugs of the connectors the workflow may call. */
  connectors: string[]
  limits: {
    timeoutMs: number
    cpuMs: number
    memoryMb: number
    maxLogLines: number
    maxLogBytes: number
    maxOutputBytes: number
  }
  /** 32 characters that its random numbers follow from; new ones otherwise. */
  seed?: string
  /** The time its code sees at first, in milliseconds since 1970; it moves on with each answer that says so. */
  clock?: number
  /** Log lines to leave out, by {@link LogLine} `turn`: so many of each were logged by earlier runs. */
  linesKept?: Record<string, number>
}

/**
 * A call out of the workflow, by name: `connectors.call` [slug, action, args, options?] → {output, status, headers,
 * durationMs}; `connectors.page` [slug, action, args, {next?, connection?}] → {items, next, stopped};
 * `connectors.collect` [slug, action, args, {maxItems?, maxPages?, next?}] → {items, pages, complete, next, stopped};
 * `files.save` [{name, content | base64, contentType}], `files.read` [id, {as?, offset?, length?}], `files.info` [id]; `state.get` [key, {scope}]; `state.set` [key, value, {scope}]; `state.delete` [key, {scope}];
 * `secrets.get` [name]; `workflows.run` and `workflows.start` [slug, input]; `fetch` [url, {method, headers,
 * body?, timeoutMs?, redirect?}] → {status, statusText, headers, body} with the body as text; `crypto.*`: see
 * crypto-calls.ts.
 */
export interface BridgeCall {
  name: string
  args: Json[]
  /** The step (ctx.step) it is made in, where the workflow used the `ctx` its step was given. */
  within?: string | undefined
}

/** What else the one who answers a call may say. */
export interface Turn {
  /** The answer may take long: with nothing else to wait for, the run ends as `suspended`. */
  park(): void
  /** The answer is recorded and comes in its turn; answers to other calls need not wait to know. */
  later(): void
  /** When it was answered, in milliseconds since 1970: the time the workflow sees from then on. */
  at(ms: number): void
  /**
   * What the answer is known by, the same whenever the code runs again: a whole number from 1. The random numbers that
   * the code draws after it follow from it, and the lines it logs carry it; so neither depends on what was left out
   * before or goes on beside it.
   */
  name(turn: number): void
  /** Resolves when the code does nothing but wait for answers: what it does next depends on them. */
  still(): Promise<void>
}

export const LEAF = Number.POSITIVE_INFINITY

export interface Bridge {
  /** Answers a workflow's call. An AppError reaches the workflow as an Error; `signal` aborts when the execution ends. */
  (call: BridgeCall, signal: AbortSignal, turn: Turn): Promise<Json>
  /** There where no step can be answered from a record: steps that wait for nothing else are told, not asked. */
  steps?: {
    /** The time, in milliseconds since 1970. */
    now(): number
    /** Takes note of a step, in order with the calls. @throws AppError what ends the run */
    told(step: ToldStep): void
  }
}

export interface LogLine {
  /** ISO 8601. */
  at: string
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  /** What the answer it followed is known by; 0: it came before the first. */
  turn: number
}

export interface WorkflowError {
  kind:
    | 'code_error'
    | 'upstream_error'
    | 'timeout'
    | 'memory_limit'
    | 'cpu_limit'
    | 'cancelled'
    | 'output_invalid'
    | 'sandbox_crashed'
    | 'dependency_error'
  name: string
  message: string
  /** The workflow's own frames only, `file:line:column` of the original source. */
  stack: string
  code?: string
  retryable: boolean
  retryAfterSeconds?: number
  /** What to do about it, where whoever answered the call said so. */
  hint?: string
  data?: Json
}

export interface SandboxStats {
  durationMs: number
  cpuMs: number
  heapBytes: number
  bridgeCalls: number
}

export type SandboxResult = (
  | { status: 'completed'; output: Json }
  | { status: 'failed' | 'timeout' | 'cancelled'; error: WorkflowError }
  /**
   * It waits for calls that were parked, and holds nothing any more; the error only says so. `answered`: one of them was
   * answered as it was put aside.
   */
  | { status: 'suspended'; error: WorkflowError; answered: boolean }
) & { logs: LogLine[]; stats: SandboxStats }

export interface Sandbox {
  /** Runs a workflow to its end. Never rejects for anything the workflow does: every end is a result. */
  run(job: SandboxJob, bridge: Bridge, signal?: AbortSignal): Promise<SandboxResult>
  /** Ends every process; executions still running resolve as cancelled. */
  close(): Promise<void>
  /** Sandbox processes alive now. */
  readonly processes: number
  /** What each of them holds. */
  figures(): Promise<ProcessFigures[]>
}

export interface SandboxOptions {
  processes: number
  log: Logger
  /** Executions of one depth at once in one process, and as many again that wait for answers. */
  maxConcurrentPerProcess?: number
  /** Idle isolates each process keeps for the next execution of the same key. */
  warmIsolatesPerProcess?: number
}

/**
 * Starts the sandbox: `processes` child processes that run workflow code in isolates, apart from this one.
 * A process that dies fails its own executions as `sandbox_crashed` (retryable) and is replaced.
 */
export function buildSandbox(options: SandboxOptions): Sandbox {
  const pool = buildProcessPool({
    processes: options.processes,
    log: options.log,
    maxConcurrent: options.maxConcurrentPerProcess ?? 16,
    maxIdle: options.warmIsolatesPerProcess ?? WARM_ISOLATES,
  })
  return {
    run(job, bridge, signal) {
      if (signal?.aborted)
        return Promise.resolve(unstarted('cancelled', 'The execution was cancelled before it started.'))
      return pool.run(job, bridge, signal)
    },
    close: () => pool.close(),
    get processes() {
      return pool.alive()
    },
    figures: () => pool.figures(),
  }
}

/** The result of an execution that reached no isolate. */
export function unstarted(kind: 'cancelled' | 'sandbox_crashed', message: string): SandboxResult {
  const name = kind === 'cancelled' ? 'Cancelled' : 'SandboxCrashed'
  return {
    status: kind === 'cancelled' ? 'cancelled' : 'failed',
    error: sandboxFailure(kind, name, message, kind === 'sandbox_crashed'),
    logs: [],
    stats: { durationMs: 0, cpuMs: 0, heapBytes: 0, bridgeCalls: 0 },
  }
}
