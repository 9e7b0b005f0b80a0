import { AppError, invalidInput, toErrorBody } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { beginApproval } from '../../db/approvals.ts'
import type { Database } from '../../db/database.ts'
import {
  endedSteps,
  type NewStep,
  type StepRow,
  WAIT_APPROVAL,
  WAIT_EVENT,
  WAIT_WORKFLOW,
} from '../../db/execution-steps.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import { beginWait, expireWait, type WaitState } from '../../db/step-waits.ts'
import type { Bridge, BridgeCall, Turn } from '../sandbox/sandbox.ts'
import { UNRECORDED } from '../sandbox/step-names.ts'
import type { Effect } from './bridge.ts'
import { label, subject } from './call-labels.ts'
import { durationMs, wakeTime } from './duration.ts'
import { type Asked, idempotencyKey, type Recorder } from './recorder.ts'
import { buildStepCalls } from './step-calls.ts'

/** A wait this short is not worth putting the execution aside. */
const SHORT_MS = 5_000
/** Node's timers hold no more; executions that wait longer have been put aside by then. */
const MAX_TIMER_MS = 2 ** 31 - 1
const POLL_MS = 1_000
const RETRY_MS = 1_000
const MAX_KEY_LENGTH = 500
const MAX_APPROVAL_LENGTH = 256 * 1024

/** How a workflow that was called answers: now, or later. */
export type ChildAnswer = { output: Json } | { waitsFor: string }

export interface DurableBridgeDeps {
  db: Database
  execution: ExecutionRow
  recorder: Recorder
  /** May the execution be put aside while it waits? */
  mayWait: boolean
  /** Was nothing recorded of it when the run began? */
  fresh: boolean
  effect: Effect
  runChild(slug: Json | undefined, input: Json, key: string, signal: AbortSignal): Promise<ChildAnswer>
  /** The same of one that was begun. @throws its failure */
  childOutcome(id: string): Promise<ChildAnswer>
}

/** The bridge of a run with its record: calls that were answered before are answered from it. */
export function buildDurableBridge(deps: DurableBridgeDeps): { bridge: Bridge; parked(): number[] } {
  const { db, execution, recorder } = deps
  const steps = buildStepCalls({ recorder, now: db.now })
  /** Steps that wait for something outside, and how each is ended. */
  const parked = new Map<number, (ended: StepRow) => void>()
  /** The same, and those the run was still waiting for when it ended. */
  const unended = new Set<number>()
  let poller: NodeJS.Timeout | undefined

  const poll = async () => {
    for (const row of await endedSteps(db, execution.id, [...parked.keys()])) parked.get(row.seq)?.(row)
  }
  /** Waits for a pending step to be ended from outside, or by its time; the execution may be put aside meanwhile. */
  const park = (
    seq: number,
    wakeAt: Date | null,
    turn: Turn,
    signal: AbortSignal,
  ): Promise<StepRow | undefined> =>
    new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const end = (settle: () => void) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        parked.delete(seq)
        if (parked.size === 0) {
          clearInterval(poller)
          poller = undefined
        }
        settle()
      }
      const onAbort = () =>
        end(() => reject(new AppError('cancelled', 'The wait was interrupted.', { retryable: true })))
      signal.addEventListener('abort', onAbort, { once: true })
      unended.add(seq)
      parked.set(seq, (ended) => end(() => resolve(ended)))
      if (wakeAt !== null) {
        const ms = Math.min(MAX_TIMER_MS, Math.max(0, wakeAt.getTime() - db.now()))
        timer = setTimeout(() => end(() => resolve(undefined)), ms)
      }
      // Until it is put aside, somebody else may end the step in the database.
      poller ??= setInterval(() => poll().catch(() => undefined), POLL_MS)
      turn.park()
    })

  const refuseWait = (what: string) =>
    invalidInput(`An instant workflow cannot wait: its caller does (${what}).`, {
      where: what,
      hint: 'Set the tier of the workflow to standard or long with update_workflow, and publish it.',
    })

  async function sleep(call: BridgeCall, turn: Turn, signal: AbortSignal): Promise<Json> {
    const asked = recorder.ask(call, 'sleep', label(call.args[0]), call.args)
    const { known } = asked
    if (known !== undefined && known.status !== 'pending') return recorder.replay(known, turn)
    const wakeAt = known?.wake_at ?? new Date(wakeTime(call.args[0] ?? null, db.now()))
    const row = recorder.row(asked, { wake_at: wakeAt.toISOString() })
    const remaining = wakeAt.getTime() - db.now()
    if (remaining <= SHORT_MS || !deps.mayWait) await pause(remaining, signal)
    else {
      if (known === undefined) recorder.push({ ...row, status: 'pending', finished_at: null })
      await recorder.durable(signal)
      await park(row.seq, wakeAt, turn, signal)
      unended.delete(row.seq)
    }
    const slept = { ...row, finished_at: new Date(Math.max(recorder.now(), wakeAt.getTime())).toISOString() }
    recorder.push(slept)
    recorder.answer(slept, turn)
    return null
  }

  /** Begins to wait, or goes on waiting, and gives what it was answered; `expired` when its time was up. */
  async function wait(
    asked: Asked,
    turn: Turn,
    signal: AbortSignal,
    begin: (row: NewStep) => Promise<WaitState | undefined>,
    details: { wake_at: string | null; waits_for: string | null },
    expired: Json,
  ): Promise<Json> {
    const { known } = asked
    if (known !== undefined && known.status !== 'pending') return recorder.replay(known, turn)
    if (!deps.mayWait) throw refuseWait(`ctx.${asked.kind}`)
    const row = recorder.row(asked, { status: 'pending', finished_at: null, ...details })
    const done = (output: Json): NewStep => ({
      ...row,
      status: 'done',
      output,
      finished_at: new Date(recorder.now()).toISOString(),
    })
    let ended: Pick<WaitState, 'status' | 'output'> | undefined
    if (known === undefined) {
      await recorder.durable(signal)
      ended = (await persist(() => begin(row), signal)) ?? recorder.lost()
    }
    if (ended?.status !== 'done') {
      const wakeAt = known === undefined ? dateOf(details.wake_at) : known.wake_at
      // Its time is up, but it may have been ended from outside at the last moment; whoever did so was told that it counts.
      ended =
        (await park(row.seq, wakeAt, turn, signal)) ??
        (await persist(() => expireWait(db, done(expired)), signal)) ??
        recorder.lost()
      unended.delete(row.seq)
    }
    const taken = done(ended.output)
    recorder.push(taken)
    recorder.answer(taken, turn)
    return ended.output
  }

  /** A wait outlasts a database that is away for a while. */
  async function persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (signal.aborted || !(error instanceof AppError) || error.code !== 'unavailable') throw error
        await pause(RETRY_MS, signal)
      }
    }
  }

  function waitForEvent(call: BridgeCall, turn: Turn, signal: AbortSignal): Promise<Json> {
    const [name, options] = call.args
    const { key, timeout } = isJsonObject(options) ? options : {}
    if (key !== undefined && key !== null && (typeof key !== 'string' || key.length > MAX_KEY_LENGTH))
      throw invalidInput(`The key of an event is text of up to ${MAX_KEY_LENGTH} characters.`, {
        where: 'ctx.wait.event',
      })
    const asked = recorder.ask(call, WAIT_EVENT, label(name, 'ctx.wait.event'), call.args)
    const details = { wake_at: deadline(timeout, 'ctx.wait.event', db.now()), waits_for: key ?? null }
    return wait(asked, turn, signal, (row) => beginWait(db, row), details, null)
  }

  function waitForApproval(call: BridgeCall, turn: Turn, signal: AbortSignal): Promise<Json> {
    const [given] = call.args
    const { title, description, data, timeout } = isJsonObject(given) ? given : {}
    if (JSON.stringify([title, description, data]).length > MAX_APPROVAL_LENGTH)
      throw invalidInput(`What is to be decided on may have ${MAX_APPROVAL_LENGTH} characters of JSON.`, {
        where: 'ctx.wait.approval',
        hint: 'Give what a person looks at, and where the rest is.',
      })
    const asked = recorder.ask(call, WAIT_APPROVAL, label(title, 'ctx.wait.approval: title'), call.args)
    const id = asked.known?.waits_for ?? newId('approval')
    const approval = {
      id,
      title: asked.name,
      description: typeof description === 'string' ? description : '',
      data: data ?? null,
    }
    const details = { wake_at: deadline(timeout, 'ctx.wait.approval', db.now()), waits_for: id }
    const begin = (row: NewStep) => beginApproval(db, row, approval)
    return wait(asked, turn, signal, begin, details, { approved: false, by: null, comment: null, at: null })
  }

  async function runWorkflow(call: BridgeCall, turn: Turn, signal: AbortSignal): Promise<Json> {
    const [slug, input] = call.args
    const asked = recorder.ask(call, WAIT_WORKFLOW, label(slug, 'ctx.workflows.run'), call.args)
    const { known } = asked
    // Ended from outside: it says how the other ended, not yet what that means for the caller.
    if (known?.status === 'failed' && isJsonObject(known.error) && known.error.code === undefined)
      known.error = { ...toErrorBody(childFailure(known.waits_for ?? '', known.error)) } as Json
    const result = await recorder.recorded(asked, turn, signal, async () => {
      const child = known?.waits_for ?? null
      const answer =
        child === null ? await deps.runChild(slug, input ?? null, asked.key, signal) : { waitsFor: child }
      if ('output' in answer) return answer.output
      if (!deps.mayWait) throw refuseWait('ctx.workflows.run of a workflow that waits')
      const row = recorder.row(asked, { status: 'pending', finished_at: null, waits_for: answer.waitsFor })
      asked.known ??= { ...row, wake_at: null, started_at: asked.startedAt, finished_at: null }
      recorder.push(row)
      await recorder.durable(signal)
      // It may have ended before anybody could know that this one waits for it.
      const settled = await persist(() => deps.childOutcome(answer.waitsFor), signal)
      if ('output' in settled) return settled.output
      const ended = await park(row.seq, null, turn, signal)
      unended.delete(row.seq)
      if (ended?.status === 'done') return ended.output
      throw childFailure(answer.waitsFor, ended?.error ?? null)
    })
    return result
  }

  const bridge: Bridge = async (call, signal, turn) => {
    const { name, args } = call
    if (UNRECORDED.test(name)) return deps.effect(call, signal, '', () => recorder.held(signal))
    switch (name) {
      case 'step.begin':
        return steps.begin(call, turn)
      case 'step.end':
      case 'step.fail':
        return steps.end(call, turn)
      case 'sleep':
        return sleep(call, turn, signal)
      case WAIT_EVENT:
        return waitForEvent(call, turn, signal)
      case WAIT_APPROVAL:
        return waitForApproval(call, turn, signal)
      case WAIT_WORKFLOW:
        return runWorkflow(call, turn, signal)
      default: {
        const asked = recorder.ask(call, name, subject(name, args), args)
        return recorder.recorded(asked, turn, signal, () =>
          deps.effect(call, signal, idempotencyKey(execution, asked), () => recorder.held(signal)),
        )
      }
    }
  }
  if (deps.fresh) bridge.steps = { now: db.now, told: steps.told }
  return { bridge, parked: () => [...unended] }
}

export function childFailure(id: string, ended: Json): AppError {
  const { status, error } = isJsonObject(ended) ? ended : {}
  const { message, retryable } = isJsonObject(error) ? error : {}
  return new AppError(
    'upstream_error',
    `The workflow called ended as ${String(status ?? 'failed')}: ${typeof message === 'string' ? message : 'no reason given'}`,
    {
      retryable: retryable === true,
      hint: `get_execution {"execution":"${id}"} shows its logs and traces.`,
      data: { executionId: id },
    },
  )
}

const deadline = (timeout: Json | undefined, where: string, now: number): string | null =>
  timeout === undefined || timeout === null ? null : new Date(now + durationMs(timeout, where)).toISOString()

const dateOf = (text: string | null) => (text === null ? null : new Date(text))

/** Waits here; rejects when the execution ends. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      },
      Math.min(MAX_TIMER_MS, Math.max(0, ms)),
    )
    const onAbort = () => {
      clearTimeout(timer)
      reject(new AppError('cancelled', 'The sleep was interrupted.', { retryable: true }))
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
