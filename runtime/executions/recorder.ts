import { createHash } from 'node:crypto'
import { AppError, type ErrorBody, toAppError, toErrorBody } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { NewStep, StepBatch, StepRow } from '../../db/execution-steps.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import type { BridgeCall, Turn } from '../sandbox/sandbox.ts'
import { turnOf } from '../sandbox/step-names.ts'
import { type Lease, moment } from './lease.ts'
import { buildRecord, fingerprint, keyOf, type Place } from './record.ts'

/** What a run may have recorded, over all its attempts. */
const MAX_STEPS = 100_000
const MAX_RECORDED_BYTES = 256 * 1024 * 1024
/** How long something recorded waits for what comes next, to be kept together with it. */
const LINGER_MS = 50
const RETRY_MS = 1_000

/** One call of the workflow as the recorder sees it. */
export interface Asked {
  kind: string
  name: string
  place: Place
  /** The same on every run: names this call of all that are alike. For idempotency keys and child workflows. */
  key: string
  startedAt: Date
  /** What an earlier run recorded of it. */
  known: StepRow | undefined
}

export interface Recorder {
  /** Matches a call with what is recorded of it. */
  ask(call: BridgeCall, kind: string, name: string, args: Json): Asked
  /** Answers a call from the record, or makes it and records what came of it. */
  recorded(
    asked: Asked,
    turn: Turn,
    signal: AbortSignal,
    effect: (asked: Asked) => Promise<Json>,
  ): Promise<Json>
  /** Hands out what is recorded, in the order it was. @throws the failure recorded */
  replay(row: StepRow, turn: Turn): Promise<Json>
  /** The row of a call: done unless `change` says otherwise. */
  row(asked: Asked, change: Partial<NewStep>): NewStep
  /** The time as what ends now is recorded: never before what is recorded already, for replays go by it. */
  now(): number
  /** Adds a row to the record, or a row's new state. */
  push(row: NewStep): void
  /** Resolves when all that is recorded is kept and the run still has its execution: what depends on it may be done now. */
  durable(signal: AbortSignal): Promise<void>
  /** Resolves when the run still has its execution, as far as {@link Lease} knows. @throws otherwise */
  held(signal: AbortSignal): Promise<void>
  /** The execution turned out to be another run's. */
  lost(): never
  /** Answers a step as a whole: what is part of it will not be asked for. */
  replayStep(scope: string, row: StepRow, turn: Turn): Promise<Json>
  /** Tells the code when a call was answered, and what the answer is known by. */
  answer(row: NewStep, turn: Turn): void
  /** Recorded and not kept yet, once nothing is about to be kept any more. */
  rest(): Promise<NewStep[]>
}

export interface RecorderOptions {
  execution: ExecutionRow
  rows: readonly StepRow[]
  /** Keeps steps before the next effect; otherwise they are kept when the run ends. */
  durable: boolean
  keep: (batch: StepBatch) => Promise<boolean>
  /** Nothing is done once it has run out, until `keep` says that the run still has the execution. */
  lease: Lease
  /** The execution was given to another run. */
  onLost: () => void
  /** The time, in milliseconds since 1970. */
  now: () => number
}

/**
 * Records what a run does through `ctx`, so that a run that goes on where it ended takes the results instead of
 * doing it again. A result is kept before the next effect begins: whatever was kept is done once. The call under
 * way when a process dies is made again, with the same idempotency key.
 */
export function buildRecorder(options: RecorderOptions): Recorder {
  const { execution, keep, lease } = options
  const record = buildRecord(options.rows, execution.attempt)
  const asked = new Map<string, number>()
  let latest = options.rows.reduce((most, { finished_at }) => Math.max(most, finished_at?.getTime() ?? 0), 0)
  const now = () => {
    latest = Math.max(latest, options.now())
    return latest
  }
  let buffer: NewStep[] = []
  let bytes = options.rows.reduce((sum, row) => sum + sizeOf(row.output), 0)
  let flushing: Promise<void> | undefined
  let linger: NodeJS.Timeout | undefined
  let broken: Error | undefined

  const lost = (): never => {
    broken = new AppError('cancelled', 'The execution was given to another worker.')
    options.onLost()
    throw broken
  }
  const flush = async (): Promise<void> => {
    do {
      const steps = buffer
      const at = moment()
      buffer = []
      try {
        if (!(await keep({ executionId: execution.id, run: execution.run, steps }))) lost()
        lease.confirm(at)
      } catch (error) {
        buffer = [...steps, ...buffer]
        throw error
      }
    } while (buffer.length > 0)
  }
  const flushed = (): Promise<void> => {
    if (broken !== undefined) return Promise.reject(broken)
    clearTimeout(linger)
    linger = undefined
    flushing ??= flush().finally(() => {
      flushing = undefined
    })
    return flushing
  }

  const refuseMore = (size: number) => {
    if (record.next < MAX_STEPS && bytes + size <= MAX_RECORDED_BYTES) return
    throw new AppError(
      'limit_exceeded',
      `One execution may record ${MAX_STEPS} calls and steps, and ${MAX_RECORDED_BYTES / 2 ** 20} MB of their results.`,
      {
        retryable: false,
        hint: 'Split the work: start a workflow for each part with ctx.workflows.start.',
      },
    )
  }

  const recorder: Recorder = {
    ask(call, kind, name, args) {
      const print = fingerprint(kind, name, args)
      const step = call.within ?? null
      const alike = `${step ?? ''} ${print}`
      const nth = asked.get(alike) ?? 0
      asked.set(alike, nth + 1)
      const place = { print, step, nth }
      const known = record.take(place)
      if (known === undefined) refuseMore(0)
      return {
        kind,
        name,
        place,
        key: keyOf(place),
        startedAt: new Date(now()),
        known,
      }
    },
    async recorded(call, turn, signal, effect) {
      if (call.known !== undefined && call.known.status !== 'pending')
        return recorder.replay(call.known, turn)
      await recorder.durable(signal)
      try {
        const output = await effect(call)
        const row = recorder.row(call, { output })
        recorder.push(row)
        recorder.answer(row, turn)
        return output
      } catch (error) {
        // Interrupted is not failed: it is made again.
        if (!signal.aborted) {
          const row = recorder.row(call, {
            status: 'failed',
            error: { ...toErrorBody(toAppError(error)) } as Json,
          })
          recorder.push(row)
          recorder.answer(row, turn)
        }
        throw error
      }
    },
    async replay(row, turn) {
      await record.turnOf(row, turn.still)
      const ended: NewStep = {
        ...row,
        wake_at: row.wake_at?.toISOString() ?? null,
        started_at: row.started_at.toISOString(),
        finished_at: (row.finished_at ?? new Date(now())).toISOString(),
      }
      // It ended from outside; from here on it is known when.
      if (row.finished_at === null) recorder.push(ended)
      recorder.answer(ended, turn)
      if (row.status === 'failed') throw errorOf(row.error)
      return row.output
    },
    replayStep(scope, row, turn) {
      record.skipWithin(scope)
      return recorder.replay(row, turn)
    },
    answer(row, turn) {
      turn.at(Date.parse(row.finished_at ?? ''))
      turn.name(turnOf(row.seq))
    },
    row: (call, change) => ({
      execution_id: execution.id,
      seq: call.known?.seq ?? record.next++,
      organization_id: execution.organization_id,
      customer_id: execution.customer_id,
      kind: call.kind,
      name: call.name,
      fingerprint: `${call.place.print}.${call.place.nth}`,
      within: call.place.step,
      status: 'done',
      output: null,
      error: null,
      wake_at: null,
      waits_for: null,
      attempt: execution.attempt,
      run: execution.run,
      started_at: call.startedAt.toISOString(),
      finished_at: new Date(now()).toISOString(),
      ...change,
    }),
    now,
    push(row) {
      if (row.finished_at !== null) latest = Math.max(latest, Date.parse(row.finished_at))
      const size = sizeOf(row.output)
      // Calls under way together may give more than is left; that they failed can still be recorded.
      if (row.status === 'done' && bytes + size > MAX_RECORDED_BYTES) refuseMore(size)
      bytes += size
      buffer.push(row)
      if (options.durable) linger ??= setTimeout(() => flushed().catch(() => undefined), LINGER_MS)
    },
    async durable(signal) {
      const unkept = () => options.durable && (buffer.length > 0 || flushing !== undefined)
      while (broken !== undefined || !lease.holds() || unkept()) {
        try {
          await flushed()
        } catch (error) {
          if (signal.aborted || !(error instanceof AppError) || error.code !== 'unavailable') throw error
          await new Promise((next) => setTimeout(next, RETRY_MS))
        }
      }
    },
    held: (signal) => (broken === undefined && lease.holds() ? Promise.resolve() : recorder.durable(signal)),
    lost,
    async rest() {
      clearTimeout(linger)
      // What is on its way would find that the run has ended.
      await flushing?.catch(() => undefined)
      clearTimeout(linger)
      const rest = buffer
      buffer = []
      return rest
    },
  }
  return recorder
}

/** A key for the API called: the same whenever this call of this execution is made again. */
export function idempotencyKey(execution: ExecutionRow, call: Asked): string {
  return createHash('sha256')
    .update(`${execution.origin_id ?? execution.id}\0${call.key}`)
    .digest('base64url')
    .slice(0, 32)
}

function errorOf(error: Json): AppError {
  const { code, message, ...details } = error as unknown as ErrorBody
  return new AppError(code, message, details)
}

const sizeOf = (value: Json): number => {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let size = 8
  for (const [key, member] of Object.entries(value)) size += key.length + sizeOf(member)
  return size
}
