import { type ChildProcess, fork } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { sandboxFailure } from './failures.ts'
import { buildRunCheck, type RunCheck, readMessage } from './from-worker.ts'
import { buildOutbox } from './outbox.ts'
import type { FromWorker, ProcessFigures, ToWorker } from './protocol.ts'
import { type SandboxResult, unstarted } from './sandbox.ts'
import { answerCall, hearStep, resultOf, runMessage, type SandboxRun } from './sandbox-run.ts'

/** The server's hold on one sandbox process. */
export interface SandboxProcess {
  readonly ready: boolean
  /** Executions of this depth in it; with `running`, those that do not wait for an answer. */
  load(depth: number, which?: 'running'): number
  active(): number
  start(run: SandboxRun): void
  cancel(run: SandboxRun): void
  kill(): void
  /** Asks it what it holds; undefined when it ends without an answer. */
  figures(): Promise<ProcessFigures | undefined>
}

export interface SandboxProcessEvents {
  onReady(): void
  /** A run ended or began to wait: there may be room. */
  onRoom(): void
  onDoomed(reason: string): void
  /** `crashed`: the keys of the runs that were in it, if it died of itself. */
  onExit(wasReady: boolean, how: string, crashed: string[]): void
}

/** How much later than the execution's own limit the process must have answered before it is held to be stuck. */
const GRACE_MS = 2_000
/** How long an execution must have done nothing but wait before it is put aside. */
const SUSPEND_AFTER_MS = 25
/** When it turned out to do something after all, it is asked again. */
const SUSPEND_AGAIN_MS = 500
const PING_MS = 5_000
/** Why calls are aborted that outlive their execution; a reason made anew each time would cost more than the rest. */
const OVER = new AppError('cancelled', 'The execution is over.')
const MAX_UNANSWERED_PINGS = 3

/** A run in the process. */
interface Entry {
  run: SandboxRun
  check: RunCheck
  watchdog: NodeJS.Timeout | undefined
  idle: NodeJS.Timeout | undefined
}

/**
 * Forks a sandbox process and speaks the protocol with it. Its death ends its runs as `sandbox_crashed`; so does saying
 * what no sandbox process of ours says.
 */
export function startSandboxProcess(
  maxIdle: number,
  log: Logger,
  events: SandboxProcessEvents,
  child: ChildProcess = forkWorker(maxIdle),
): SandboxProcess {
  const runs = new Map<number, Entry>()
  let ready = false
  let ended = false
  /** The keys of the runs that were in it when it said what cannot be. */
  let broken: string[] | undefined
  /** Counted, not timed: after this process itself was held up, the answers are still in the queue. */
  let unanswered = 0
  let errorOutput = ''
  const asked: ((figures: ProcessFigures | undefined) => void)[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errorOutput = (errorOutput + text).slice(-4_000)
  })
  const heartbeat = setInterval(() => {
    if (unanswered >= MAX_UNANSWERED_PINGS) return kill()
    unanswered++
    send({ type: 'ping' })
  }, PING_MS).unref()

  const send = buildOutbox<ToWorker>((messages) => {
    // A failed send means the process is gone, and its exit event ends the runs.
    if (child.connected)
      child.send(
        messages,
        (error) => error && log.debug({ error: error.message }, 'Sandbox process unreachable'),
      )
  })
  function kill() {
    // Nothing new goes to it from here on; its exit event comes later.
    ended = true
    child.kill('SIGKILL')
  }
  function end(id: number, result: SandboxResult) {
    const entry = runs.get(id)
    if (entry === undefined) return
    runs.delete(id)
    clearTimeout(entry.watchdog)
    clearTimeout(entry.idle)
    entry.run.resolve(result)
    entry.run.calls.abort(OVER)
  }
  function count(which: (run: SandboxRun) => boolean): number {
    let sum = 0
    for (const { run } of runs.values()) if (which(run)) sum++
    return sum
  }
  /** Nothing but parked calls is left to wait for: the execution need not stay. */
  function suspendSoon(run: SandboxRun, afterMs = SUSPEND_AFTER_MS) {
    const entry = runs.get(run.id)
    if (entry === undefined) return
    clearTimeout(entry.idle)
    entry.idle = undefined
    if (run.parked === 0 || run.parked < run.waiting) return
    entry.idle = setTimeout(() => {
      entry.check.asked('suspended')
      send({ type: 'suspend', run: run.id, waiting: run.waiting })
      suspendSoon(run, SUSPEND_AGAIN_MS)
    }, afterMs)
  }
  /** Asks again whenever what it waits for has changed: the answer counts only for what it was asked about. */
  const askStill = (run: SandboxRun) => {
    if (run.onStill.length > 0) send({ type: 'still', run: run.id, waiting: run.waiting })
  }
  /** Past its limit and unanswered: the process hangs, and everything in it with it. */
  function expire(run: SandboxRun) {
    log.warn(
      { execution: run.job.context.execution.id },
      'A sandbox process stopped answering and was killed',
    )
    const text = `The workflow did not finish within ${run.job.limits.timeoutMs} ms.`
    end(run.id, {
      ...unstarted('sandbox_crashed', text),
      status: 'timeout',
      error: sandboxFailure('timeout', 'WorkflowTimeout', text, true),
    })
    kill()
  }

  /** It is not what we started any more: nothing else it says is heard, and whatever ran in it may be the cause. */
  function breakOff(what: unknown) {
    const type = typeof what === 'object' && what !== null && 'type' in what ? what.type : typeof what
    log.error({ pid: child.pid, type: String(type).slice(0, 20) }, 'A sandbox process said what cannot be')
    broken = keysOfRuns()
    for (const id of [...runs.keys()]) {
      end(id, unstarted('sandbox_crashed', 'The sandbox process was ended: it broke the protocol.'))
    }
    kill()
  }
  const keysOfRuns = () => [...runs.values()].map(({ run }) => run.job.isolateKey)

  child.on('message', (messages: unknown) => {
    if (broken !== undefined) return
    if (!Array.isArray(messages)) return breakOff(messages)
    for (const given of messages) {
      const message = readMessage(given)
      if (message === undefined) return breakOff(given)
      if (message.type === 'ready' || message.type === 'pong' || message.type === 'doomed') {
        if (!hearOfItself(message)) return breakOff(message)
        continue
      }
      // Of a run that has ended here, the rest is on its way for a while.
      const entry = runs.get(message.run)
      if (entry === undefined) continue
      if (!entry.check.accepts(message)) return breakOff(message)
      hearOfRun(message, entry)
    }
  })
  /** False: it says so a second time. */
  function hearOfItself(message: Exclude<FromWorker, { run: number }>): boolean {
    if (message.type === 'ready') {
      if (ready) return false
      ready = true
      log.debug({ pid: child.pid }, 'A sandbox process is ready')
      events.onReady()
    } else if (message.type === 'pong') {
      unanswered = 0
      for (const answer of asked.splice(0)) answer(message.figures)
    } else events.onDoomed(message.reason)
    return true
  }
  function hearOfRun(message: Extract<FromWorker, { run: number }>, { run, check }: Entry) {
    if (message.type === 'done') {
      end(run.id, resultOf(message, run.waiting))
      events.onRoom()
    } else if (message.type === 'still') {
      if (run.waiting === message.waiting) for (const resolve of run.onStill.splice(0)) resolve()
    } else if (message.type === 'told') {
      const wrong = hearStep(run, message.step)
      if (wrong === undefined) return
      log.warn(
        {
          execution: run.job.context.execution.id,
          err: wrong.status === 'failed' ? wrong.error.message : '',
        },
        'A run is ended for a step it told of',
      )
      end(run.id, wrong)
      send({ type: 'cancel', run: run.id })
    } else {
      const later = () => send({ type: 'later', run: run.id, id: message.id })
      const answered = answerCall(run, message.name, message.args, message.within, log, later)
      askStill(run)
      if (run.waiting > 0) events.onRoom()
      answered.then(
        (reply) => {
          check.answered(message.id)
          if (runs.has(run.id)) send({ type: 'reply', run: run.id, id: message.id, ...reply })
        },
        (error: unknown) => log.error({ err: error }, 'A bridge call could not be answered'),
      )
    }
  }
  child.on('error', (error) => log.error({ err: error }, 'A sandbox process failed'))
  child.on('exit', (code, signal) => {
    const crashed = broken ?? (ended ? [] : keysOfRuns())
    ended = true
    clearInterval(heartbeat)
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`
    for (const id of [...runs.keys()]) {
      end(
        id,
        unstarted('sandbox_crashed', `The sandbox process ended (${how}) while the workflow ran in it.`),
      )
    }
    for (const answer of asked.splice(0)) answer(undefined)
    events.onExit(ready, `${how}\n${errorOutput}`, crashed)
  })

  return {
    get ready() {
      return ready && !ended && child.connected
    },
    load: (depth, which) =>
      count(({ job, waiting }) => job.depth === depth && (which === undefined || waiting === 0)),
    active: () => runs.size,
    start(run) {
      run.startedAt = performance.now()
      // Node's timers hold 2^31 ms at most, about 24 days; executions end well before.
      runs.set(run.id, {
        run,
        check: buildRunCheck(run.job),
        watchdog: setTimeout(() => expire(run), run.job.limits.timeoutMs + GRACE_MS),
        idle: undefined,
      })
      run.onWaiting = () => {
        suspendSoon(run)
        askStill(run)
      }
      send(runMessage(run))
    },
    cancel(run) {
      const entry = runs.get(run.id)
      if (entry === undefined) return
      clearTimeout(entry.watchdog)
      entry.check.asked('cancelled')
      entry.watchdog = setTimeout(() => {
        end(run.id, unstarted('cancelled', 'The execution was cancelled.'))
        kill()
      }, GRACE_MS)
      send({ type: 'cancel', run: run.id })
    },
    kill,
    figures: () =>
      new Promise((resolve) => {
        if (ended || !child.connected) return resolve(undefined)
        asked.push(resolve)
        send({ type: 'ping' })
      }),
  }
}

/**
 * No environment (so no secrets), no standard input, and Node's permission model: native add-ons for
 * isolated-vm, reading its own code, nothing else; no files written, no processes, no threads of its own.
 */
function forkWorker(maxIdle: number): ChildProcess {
  const here = dirname(fileURLToPath(import.meta.url))
  const require = createRequire(import.meta.url)
  const packages = ['isolated-vm', 'node-gyp-build', 'core-js', 'acorn', 'acorn-walk'].map((name) =>
    realpathSync(dirname(require.resolve(`${name}/package.json`))),
  )
  // The last one is how node-gyp-build tells which C library the prebuilt binary must suit.
  const readable = [here, join(here, '..', '..', 'package.json'), ...packages, '/etc/alpine-release']
  const entry = join(here, import.meta.url.endsWith('.ts') ? 'worker.ts' : 'worker.js')
  return fork(entry, [String(maxIdle)], {
    execPath: process.execPath,
    execArgv: [
      // isolated-vm's isolates cannot live beside Node's own start-up snapshot.
      '--no-node-snapshot',
      '--permission',
      '--allow-addons',
      ...readable.map((path) => `--allow-fs-read=${path}`),
      '--disable-warning=SecurityWarning',
      '--disable-warning=ExperimentalWarning',
    ],
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}
