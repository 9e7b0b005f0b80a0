import { AppError, toAppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { sandboxFailure } from './failures.ts'
import type { BridgeFailure } from './guest/failure.ts'
import {
  type DoneMessage,
  MAX_WAITING_CALL_BYTES,
  MAX_WAITING_CALLS,
  type Reply,
  type RunMessage,
  type ToldStep,
} from './protocol.ts'
import {
  type Bridge,
  type SandboxJob,
  type SandboxResult,
  type Turn,
  unstarted,
  type WorkflowError,
} from './sandbox.ts'

/** One execution as the server sees it, from the queue to its result. */
export interface SandboxRun {
  id: number
  job: SandboxJob
  bridge: Bridge
  /** Aborts the bridge calls that outlive the execution. */
  calls: AbortController
  startedAt: number
  /** Bridge calls waiting now. */
  waiting: number
  /** Of those waiting, the ones whose answer may take long. */
  parked: number
  /** Called when what it waits for has changed. */
  onWaiting(): void
  /** To be called when its code does nothing but wait. */
  onStill: (() => void)[]
  resolve(result: SandboxResult): void
}

/** The job as the sandbox process gets it: what only the isolate reads is JSON text made once, here. */
export function runMessage(run: SandboxRun): RunMessage {
  const { job } = run
  const { limits } = job
  return {
    type: 'run',
    run: run.id,
    isolateKey: job.isolateKey,
    code: job.code,
    filename: job.filename,
    job: JSON.stringify({
      input: job.input,
      headers: job.headers,
      context: job.context,
      connectors: job.connectors,
      maxLogLines: limits.maxLogLines,
      maxLogBytes: limits.maxLogBytes,
      maxOutputBytes: limits.maxOutputBytes,
      maxCalls: MAX_WAITING_CALLS,
      maxCallBytes: MAX_WAITING_CALL_BYTES,
      clock: job.clock ?? Date.now(),
    }),
    timeoutMs: limits.timeoutMs,
    cpuMs: limits.cpuMs,
    memoryMb: limits.memoryMb,
    maxLogLines: limits.maxLogLines,
    maxLogBytes: limits.maxLogBytes,
    maxOutputBytes: limits.maxOutputBytes,
    seed: job.seed,
    stepsFrom: run.bridge.steps?.now(),
    linesKept: job.linesKept ?? {},
  }
}

/** @param waiting the calls that were not answered */
export function resultOf(done: DoneMessage, waiting: number): SandboxResult {
  const { logs, stats } = done
  if (done.status === 'completed') {
    try {
      return { status: 'completed', output: JSON.parse(done.output ?? 'null') as Json, logs, stats }
    } catch {
      // The isolate made this text; the process only carried it.
      return unstarted('sandbox_crashed', 'The isolate gave a result that is not JSON.')
    }
  }
  const error = done.error as WorkflowError
  if (done.status !== 'suspended') return { status: done.status, error, logs, stats }
  return { status: done.status, error, answered: waiting < done.waiting, logs, stats }
}

/**
 * Answers one bridge call: the reply's `ok` and JSON text. The process it came from runs untrusted code, so
 * name, arguments and the connector are checked here again.
 */
export async function answerCall(
  run: SandboxRun,
  name: string,
  args: string,
  within: string | undefined,
  log: Logger,
  later: () => void,
): Promise<Reply> {
  let at: number | undefined
  let known: number | undefined
  let parked = false
  const turn: Turn = {
    park: () => {
      if (parked) return
      parked = true
      run.parked++
      run.onWaiting()
    },
    later,
    at: (ms) => {
      at = ms
    },
    name: (turn) => {
      known = turn
    },
    still: () =>
      new Promise((resolve) => {
        run.onStill.push(resolve)
        run.onWaiting()
      }),
  }
  run.waiting++
  try {
    const list = argumentsOf(args)
    if (name.startsWith('connectors.') && !run.job.connectors.includes(String(list[0]))) {
      throw new AppError('forbidden', `This workflow is not bound to the connector '${String(list[0])}'.`)
    }
    const answer = await run.bridge({ name, args: list, within }, run.calls.signal, turn)
    return { ok: true, json: JSON.stringify(answer) ?? 'null', at, turn: known }
  } catch (error) {
    const failure = toAppError(error)
    if (failure.code === 'internal')
      log.error({ err: error, call: name, execution: run.job.context.execution.id }, 'A bridge call failed')
    return { ok: false, json: failureJson(failure), at, turn: known }
  } finally {
    run.waiting--
    if (parked) run.parked--
    run.onWaiting()
  }
}

/** The isolate made this text; the process only carried it. */
function argumentsOf(text: string): Json[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new AppError('internal', 'A call without a list of arguments.')
  return list as Json[]
}

/** Hands on what a run told of a step. Undefined: it was right; else what the run ends with. */
export function hearStep(run: SandboxRun, step: ToldStep): SandboxResult | undefined {
  try {
    if (run.bridge.steps === undefined) throw new AppError('internal', 'Steps of this run are asked for.')
    run.bridge.steps.told(step)
    return undefined
  } catch (error) {
    const { code, message } = toAppError(error)
    const lost = code === 'internal'
    const kind = lost ? 'sandbox_crashed' : (kinds[code] ?? 'upstream_error')
    const text = lost ? 'The sandbox told of a step that cannot be.' : message
    return {
      ...unstarted('sandbox_crashed', text),
      status: 'failed',
      error: { ...sandboxFailure(kind, lost ? 'SandboxCrashed' : nameOf(code), text, lost), code },
    }
  }
}

const nameOf = (code: string): string =>
  `${code.replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase())}${code.endsWith('error') ? '' : 'Error'}`

const kinds: Partial<Record<AppError['code'], WorkflowError['kind']>> = {
  invalid_input: 'code_error',
  conflict: 'code_error',
  cancelled: 'cancelled',
  unauthenticated: 'dependency_error',
  forbidden: 'dependency_error',
  not_found: 'dependency_error',
  misconfigured: 'dependency_error',
}

function failureJson(error: AppError): string {
  const upstreamStatus = error.data?.status
  const failure: BridgeFailure = {
    kind: kinds[error.code] ?? 'upstream_error',
    name: nameOf(error.code),
    message: error.message,
    code: error.code,
    status: typeof upstreamStatus === 'number' ? upstreamStatus : error.status,
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.data === undefined ? {} : { data: error.data as JsonObject }),
  }
  return JSON.stringify(failure)
}
