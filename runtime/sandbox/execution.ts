import { randomBytes } from 'node:crypto'
import { buildAnswers } from './answers.ts'
import { compileFailure, guestFailure, sandboxFailure, withSourcePlaces } from './failures.ts'
import type { DoneMessage, FromWorker, Reply, RunMessage } from './protocol.ts'
import type { LogLine, WorkflowError } from './sandbox.ts'
import { CALL_NAMES, isScope } from './step-names.ts'
import { buildStepsAhead } from './steps-ahead.ts'
import { buildWaitingCalls } from './waiting-calls.ts'
import type { GuestContext, GuestIsolate, WarmIsolates } from './warm-isolates.ts'

/** One execution inside the sandbox process. */
export interface Execution {
  cancel(): void
  reply(id: number, reply: Reply): void
  /** A call will be answered in its turn. */
  later(id: number): void
  /** Says so once it does nothing but wait for so many calls. */
  still(calls: number): void
  /** Ends it, if it does nothing but wait for so many calls. */
  suspend(calls: number): void
  /** Ends the execution if it used more CPU time than it may or can never finish; asked every few milliseconds. */
  check(): void
  /** The memory it may use. */
  readonly memoryBytes: number
  /** Whether its isolate has something to do now. */
  running(): boolean
  /** Ends it, for memory its isolate does not count. */
  exceedMemory(): void
}

type Outcome =
  | { status: 'completed'; output: string; error?: undefined }
  | { status: 'failed' | 'timeout' | 'cancelled' | 'suspended'; error: WorkflowError; output?: undefined }

/** A finished workflow may leave work behind (a loop without await); this long it may take to fall still. */
const SETTLE_MS = 50
/** Disposing an isolate stops its thread at once, save inside a few native operations. */
const STUCK_MS = 5_000
/** There are no timers inside: an execution with nothing running and nothing awaited stays so for ever. */
const IDLE_MS = 1_000

const SUSPENDED = sandboxFailure(
  'cancelled',
  'Suspended',
  'The execution was put aside while it waits.',
  false,
)
/** Lines of the sandbox itself: of no answer. */
const NO_TURN = -1
const isCallName = (name: unknown): name is string => CALL_NAMES.has(name)
const levels = new Set(['debug', 'info', 'warn', 'error'])

/**
 * Starts one execution: a fresh context of a warm isolate, the workflow, the limits. Posts exactly one `done`
 * message, and calls `onEnd` first. Nothing here waits on the isolate's thread: a loop in the workflow holds
 * that thread and not this one.
 */
export function startExecution(
  message: RunMessage,
  isolates: WarmIsolates,
  post: (message: FromWorker) => void,
  onEnd: () => void,
): Execution {
  const startedAt = performance.now()
  const logs: LogLine[] = []
  let logBytes = 0
  let bridgeCalls = 0
  /** By the answer they followed: lines that an earlier run logged, and that this one will log again. */
  const kept = new Map(Object.entries(message.linesKept))
  const linesKept = Object.values(message.linesKept).reduce((sum, lines) => sum + lines, 0)
  /** Calls the server is asked to answer. */
  let waiting = 0
  const calls = buildWaitingCalls()
  const ahead = message.stepsFrom === undefined ? undefined : buildStepsAhead(message.stepsFrom)
  const answers = buildAnswers()
  let askedStill: number | undefined
  let guest: GuestIsolate | undefined
  let context: GuestContext | undefined
  let cpuAtStart = 0n
  let cpuNow = 0n
  /** Calls into the isolate that have not come back. */
  let inside = 0
  let outcome: Outcome | undefined
  let ended = false
  let idleSince: number | undefined
  let settleTimer: NodeJS.Timeout | undefined
  const deadline = setTimeout(
    () =>
      stop(
        'timeout',
        sandboxFailure(
          'timeout',
          'WorkflowTimeout',
          `The workflow did not finish within ${message.timeoutMs} ms.`,
          true,
        ),
      ),
    message.timeoutMs,
  )

  /** CPU time of this execution so far; the last known figure once the isolate is gone. */
  function cpuMs(): number {
    if (context === undefined || guest === undefined) return 0
    try {
      cpuNow = guest.isolate.cpuTime
    } catch (error) {
      // It went on its own (memory limit); the call into it is about to say so.
      if (!guest.isolate.isDisposed) throw error
    }
    return Number(cpuNow - cpuAtStart) / 1e6
  }

  /** The execution's end, reached once. `heapBytes` is undefined when the isolate cannot be asked any more. */
  function end(result: Outcome, heapBytes?: number) {
    if (ended) return
    ended = true
    clearTimeout(deadline)
    clearTimeout(settleTimer)
    if (context !== undefined) context.receive = undefined
    onEnd()
    const done: DoneMessage = {
      type: 'done',
      run: message.run,
      status: result.status,
      output: result.output,
      error: result.error,
      logs,
      stats: {
        durationMs: performance.now() - startedAt,
        cpuMs: cpuMs(),
        heapBytes: heapBytes ?? guest?.heapBytes ?? 0,
        bridgeCalls,
      },
      waiting,
    }
    post(done)
  }

  /** Ends the execution from outside: its isolate goes, whatever it is doing. */
  function stop(status: 'failed' | 'timeout' | 'cancelled', error: WorkflowError) {
    if (ended) return
    end(outcome ?? { status, error })
    if (guest === undefined) return
    isolates.discard(guest)
    if (inside > 0)
      setTimeout(
        () => inside > 0 && post({ type: 'doomed', reason: 'a thread does not stop' }),
        STUCK_MS,
      ).unref()
  }

  function conclude(result: Outcome) {
    if (ended || outcome !== undefined) return
    outcome = result
    if (inside === 0) settle()
    else settleTimer = setTimeout(() => stop('failed', lost('it was ended')), SETTLE_MS)
  }

  /** The workflow is over and its isolate idle: the isolate stays warm for the next. */
  function settle() {
    if (ended || outcome === undefined || guest === undefined || context === undefined) return
    const heap = guest.isolate.getHeapStatisticsSync()
    const heapBytes = heap.used_heap_size + heap.externally_allocated_size
    guest.onCatastrophe = undefined
    end(outcome, heapBytes)
    context.control.release()
    context.context.release()
    isolates.release(guest, heapBytes)
  }

  function lost(how: string): WorkflowError {
    return sandboxFailure('sandbox_crashed', 'SandboxCrashed', `The isolate was lost: ${how}.`, true)
  }

  function enter(work: Promise<unknown>) {
    inside++
    const left = () => {
      inside--
      if (inside > 0) return
      goOn()
      if (inside > 0) return
      settle()
      tellStill()
    }
    work.then(left, (error: unknown) => {
      // isolated-vm ends a call with whatever promise of the workflow was rejected and not yet awaited meanwhile:
      // the workflow may still await it, and what it says is the workflow's own text, not the state of the isolate.
      if (guest !== undefined && !guest.isolate.isDisposed) {
        receive('log', ['warn', unawaited(error), NO_TURN])
        return left()
      }
      inside--
      const message = error instanceof Error ? error.message : String(error)
      if (/memory limit/.test(message)) stop('failed', memoryLimit(''))
      else stop('failed', lost(message))
    })
  }

  /** Hands out the next answer, if the code does nothing: what it does for one is to come before the next. */
  function goOn() {
    if (inside > 0 || ended || outcome !== undefined || context === undefined) return
    const next = answers.next()
    if (next === undefined) return
    calls.answered(next.id)
    if (!next.own) {
      waiting--
      ahead?.heard(next.reply)
    }
    const { ok, json, at, turn } = next.reply
    enter(context.control.apply(undefined, ['reply', next.id, ok, json, at, turn]))
  }

  /** Answers a call that begins or ends a step, if nothing else is waited for and no answer can be recorded. */
  function stepsAhead(id: number, name: string, args: string, within: string | undefined): boolean {
    if (ahead === undefined || !name.startsWith('step.')) return false
    const answered = waiting === 0 ? ahead.answer(name, args, within) : undefined
    if (answered === undefined) {
      ahead.asked(name, args, within)
      return false
    }
    bridgeCalls++
    post({ type: 'told', run: message.run, step: answered.told })
    answers.own(id, name, answered.reply)
    return true
  }

  function tellStill() {
    if (ended || outcome !== undefined || inside > 0 || waiting !== askedStill) return
    askedStill = undefined
    post({ type: 'still', run: message.run, waiting })
  }

  function memoryLimit(how: string): WorkflowError {
    const text = `The workflow used more than its ${message.memoryMb} MB of memory${how}. Process the data in smaller parts.`
    return sandboxFailure('memory_limit', 'MemoryLimit', text, false)
  }

  const places = () => ({
    filename: message.filename,
    columnOf: guest?.columnOf ?? ((_line: number, column: number) => column),
  })

  /** Messages from the isolate. Its own bounds come first; these hold even if it were subverted. */
  function receive(kind: unknown, values: unknown[]) {
    if (ended || outcome !== undefined) return
    if (kind === 'log') {
      const [level, text, given] = values
      if (typeof level !== 'string' || !levels.has(level) || typeof text !== 'string') return
      const turn = Number.isSafeInteger(given) ? (given as number) : NO_TURN
      const again = kept.get(String(turn)) ?? 0
      if (again > 0) {
        kept.set(String(turn), again - 1)
        return
      }
      logBytes += text.length
      if (linesKept + logs.length > message.maxLogLines || logBytes > message.maxLogBytes + 65_536) return
      const shown = withSourcePlaces(text, places())
      logs.push({ at: new Date().toISOString(), level: level as LogLine['level'], message: shown, turn })
    } else if (kind === 'call') {
      const [id, name, args, scope] = values
      const within = isScope(scope) ? scope : undefined
      if (typeof args !== 'string' || !isCallName(name) || !calls.asked(id, args.length))
        return stop('failed', lost('it broke the bridge protocol'))
      try {
        if (stepsAhead(id, name, args, within)) return
      } catch {
        return stop('failed', lost('it broke the bridge protocol'))
      }
      waiting++
      bridgeCalls++
      answers.asked(id, name)
      post({ type: 'call', run: message.run, id, name, args, within })
    } else if (kind === 'done') {
      const output = typeof values[0] === 'string' ? values[0] : 'null'
      const bytes = Buffer.byteLength(output)
      if (bytes <= message.maxOutputBytes) return conclude({ status: 'completed', output })
      const text = `output is too large: ${bytes} bytes, more than ${message.maxOutputBytes}. Return a summary, or store the data and return its key.`
      conclude({ status: 'failed', error: sandboxFailure('output_invalid', 'OutputInvalid', text, false) })
    } else if (kind === 'fail') {
      conclude({ status: 'failed', error: guestFailure(values, places()) })
    }
  }

  function begin() {
    try {
      guest = isolates.acquire(message)
    } catch (error) {
      return end({ status: 'failed', error: compileFailure(error, message.filename) })
    }
    const mine = guest
    mine.onCatastrophe = (reason) => {
      end({ status: 'failed', error: memoryLimit(' at once') })
      post({ type: 'doomed', reason })
    }
    context = mine.next
    cpuAtStart = mine.isolate.cpuTime
    cpuNow = cpuAtStart
    context.receive = receive
    // Evaluates the function expression around the module; no workflow code runs until it is called.
    const body = mine.script.runSync(context.context, { reference: true })
    const seed = JSON.stringify(message.seed ?? randomBytes(32).toString('latin1'))
    const job = `{"seed":${seed},${message.job.slice(1)}`
    enter(context.control.apply(undefined, ['start', job, body.derefInto({ release: true })]))
  }

  // Not at once: the caller registers the execution before anything can end it.
  Promise.resolve()
    .then(begin)
    .catch((error: Error) => stop('failed', lost(error.message)))

  return {
    cancel: () =>
      stop('cancelled', sandboxFailure('cancelled', 'Cancelled', 'The execution was cancelled.', false)),
    reply(id, reply) {
      answers.heard(id, reply)
      goOn()
    },
    later(id) {
      answers.later(id)
      goOn()
    },
    still(calls) {
      askedStill = calls
      tellStill()
    },
    suspend(calls) {
      if (inside === 0 && waiting === calls) conclude({ status: 'suspended', error: SUSPENDED })
    },
    memoryBytes: message.memoryMb * 1024 * 1024,
    running: () => inside > 0,
    exceedMemory: () => stop('failed', memoryLimit(' outside of its heap')),
    check() {
      if (context === undefined || ended) return
      if (inside > 0 || waiting > 0) idleSince = undefined
      else idleSince ??= performance.now()
      if (idleSince !== undefined && performance.now() - idleSince > IDLE_MS) {
        const text =
          'The workflow waits for a promise that nothing can resolve: no call is running and no code is left to run.'
        return stop('timeout', sandboxFailure('timeout', 'WorkflowStalled', text, false))
      }
      if (cpuMs() <= message.cpuMs) return
      const text = `The workflow used more than its ${message.cpuMs} ms of CPU time. Look for a loop that does not end.`
      stop('failed', sandboxFailure('cpu_limit', 'CpuLimit', text, false))
    },
  }
}

function unawaited(error: unknown): string {
  const what = error instanceof Error ? error.message : 'a value that is not an Error'
  return `A promise was rejected while nothing waited for it (${what.slice(0, 1_000)}). Await every call, or catch its error.`
}
