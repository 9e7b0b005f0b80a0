/**
 * Checks what a sandbox process says before the server acts on it: the process runs untrusted code, and one that was
 * taken over may say anything. Written by hand: zod takes twice as long for the same, and much of it goes by what was said
 * before, of which a schema knows nothing.
 */

import { isErrorData } from './failures.ts'
import {
  type DoneMessage,
  type FromWorker,
  MAX_TOLD,
  MAX_TOLD_BYTES,
  MAX_WAITING_CALL_BYTES,
  type ToldStep,
} from './protocol.ts'
import type { LogLine, SandboxJob, WorkflowError } from './sandbox.ts'
import { CALL_NAMES, isScope, MAX_PLACE_LENGTH } from './step-names.ts'
import { buildWaitingCalls } from './waiting-calls.ts'

/** An error's texts are cut to far less where it is made; these are for what was not made there. */
const MAX_TEXT = 65_536
const MAX_LOG_SLACK = 65_536
const FIGURES = ['pid', 'rssBytes', 'heapBytes', 'idleIsolates', 'executions', 'handles']
const STATS = ['durationMs', 'cpuMs', 'heapBytes', 'bridgeCalls']
const STATUSES = ['completed', 'suspended', 'failed', 'timeout', 'cancelled']
const LINE = ['at', 'level', 'message', 'turn']
const LEVELS = ['debug', 'info', 'warn', 'error']
const ERROR = 'kind name message stack code retryable retryAfterSeconds hint data'.split(' ')
const KINDS: readonly string[] = [
  'code_error',
  'upstream_error',
  'timeout',
  'memory_limit',
  'cpu_limit',
  'cancelled',
  'output_invalid',
  'sandbox_crashed',
  'dependency_error',
] satisfies WorkflowError['kind'][]

type Fields = Record<string, unknown>

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isAmount = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
const isText = (value: unknown, most = MAX_TEXT): value is string =>
  typeof value === 'string' && value.length <= most
const isOneOf = (value: unknown, all: readonly string[]) => typeof value === 'string' && all.includes(value)
const isMaybe = (value: unknown, check: (value: unknown) => boolean) => value === undefined || check(value)
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const hasOnly = (value: unknown, names: readonly string[]): value is Fields =>
  isFields(value) && Object.keys(value).every((name) => names.includes(name))
const areAmounts = (value: unknown, names: readonly string[]): boolean =>
  hasOnly(value, names) && names.every((name) => isAmount(value[name]))

/** What a process says, if it has the form of one of its messages. */
export function readMessage(given: unknown): FromWorker | undefined {
  return isFields(given) && isMessage(given) ? (given as unknown as FromWorker) : undefined
}

function isMessage(given: Fields): boolean {
  switch (given.type) {
    case 'ready':
      return true
    case 'pong':
      return areAmounts(given.figures, FIGURES)
    case 'doomed':
      return isText(given.reason)
    case 'call':
      return (
        isCount(given.run) &&
        isCount(given.id) &&
        CALL_NAMES.has(given.name) &&
        isText(given.args, MAX_WAITING_CALL_BYTES) &&
        isMaybe(given.within, isScope)
      )
    case 'told':
      return isCount(given.run) && isFields(given.step) && isStep(given.step)
    case 'still':
      return isCount(given.run) && isCount(given.waiting)
    case 'done':
      return (
        isCount(given.run) &&
        isCount(given.waiting) &&
        isOneOf(given.status, STATUSES) &&
        areAmounts(given.stats, STATS) &&
        Array.isArray(given.logs) &&
        given.logs.every(isLine) &&
        (given.status === 'completed'
          ? typeof given.output === 'string'
          : given.output === undefined && isError(given.error))
      )
    default:
      return false
  }
}

function isStep(step: Fields): boolean {
  const { what, scope, within } = step
  if (!isScope(scope)) return false
  if (what === 'fail') return true
  if (!isText(step.args, MAX_TOLD_BYTES) || !isCount(step.at)) return false
  if (what === 'end') return isCount(step.seq)
  if (what !== 'begin' || !isMaybe(within, isScope)) return false
  const outer = within === undefined ? '' : `${within as string}/`
  return scope.startsWith(outer) && scope.length - outer.length < MAX_PLACE_LENGTH
}

const isLine = (line: unknown): line is LogLine =>
  hasOnly(line, LINE) &&
  isText(line.at, 24) &&
  !Number.isNaN(Date.parse(line.at)) &&
  isOneOf(line.level, LEVELS) &&
  typeof line.message === 'string' &&
  Number.isSafeInteger(line.turn)

const isError = (error: unknown): error is WorkflowError =>
  hasOnly(error, ERROR) &&
  isOneOf(error.kind, KINDS) &&
  isText(error.name) &&
  isText(error.message) &&
  isText(error.stack) &&
  isMaybe(error.code, isText) &&
  typeof error.retryable === 'boolean' &&
  isMaybe(error.retryAfterSeconds, isAmount) &&
  isMaybe(error.hint, isText) &&
  isMaybe(error.data, isErrorData)

/** What a process may say of one execution, going by what it was asked and what it said before. */
export interface RunCheck {
  accepts(message: Extract<FromWorker, { run: number }>): boolean
  /** One of its calls was answered. */
  answered(id: number): void
  /** It may end because of this from now on. */
  asked(to: 'suspended' | 'cancelled'): void
}

export function buildRunCheck({ limits }: SandboxJob): RunCheck {
  const calls = buildWaitingCalls()
  const asked = new Set<DoneMessage['status']>()
  let told = 0
  let toldBytes = 0

  function tells(step: ToldStep): boolean {
    told++
    if (step.what !== 'fail') toldBytes += step.args.length
    return told <= MAX_TOLD && toldBytes <= MAX_TOLD_BYTES
  }
  function ends({ status, output, logs }: DoneMessage): boolean {
    if ((status === 'suspended' || status === 'cancelled') && !asked.has(status)) return false
    if (output !== undefined && Buffer.byteLength(output) > limits.maxOutputBytes) return false
    let bytes = 0
    for (const { message } of logs) bytes += message.length
    return logs.length <= limits.maxLogLines + 1 && bytes <= 2 * limits.maxLogBytes + MAX_LOG_SLACK
  }
  return {
    accepts(message) {
      if (message.type === 'call') return calls.asked(message.id, message.args.length)
      if (message.type === 'told') return tells(message.step)
      return message.type !== 'done' || ends(message)
    },
    answered: calls.answered,
    asked: (to) => asked.add(to),
  }
}
