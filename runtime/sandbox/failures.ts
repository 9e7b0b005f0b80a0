import type { Json } from '../../core/json.ts'
import type { WorkflowError } from './sandbox.ts'
import type { WrappedModule } from './wrap-module.ts'

/** What frames of a stack trace are told by. */
export interface SourcePlaces {
  /** The workflow's. */
  filename: string
  columnOf: WrappedModule['columnOf']
}

/** Kinds a workflow's own failure may have; anything else it claims is a code error. */
const guestKinds = new Set([
  'code_error',
  'upstream_error',
  'dependency_error',
  'output_invalid',
  'cancelled',
])

/** What a workflow reaches for out of habit, and what to use here. */
const missingGlobals: Record<string, string> = {
  setTimeout:
    'Timers do not exist in workflows; use the retry policy, a schedule, or a durable wait instead.',
  setInterval: 'Timers do not exist in workflows; use a scheduler trigger instead.',
  setImmediate: 'Timers do not exist in workflows; await the work directly.',
  require: 'Workflows cannot load modules; use ctx.connectors or ctx.fetch.',
  process: 'Node.js is not available; use ctx.secrets, ctx.environment and ctx.input.',
  Buffer: 'Node.js is not available; use TextEncoder, atob and btoa.',
  XMLHttpRequest: 'Use ctx.fetch.',
  Request: 'Give ctx.fetch an address and {method, headers, body}.',
  Response: 'ctx.fetch answers with {ok, status, headers, data, text(), json()}.',
  FormData: 'Call an action of a connector, which sends files as its app wants them.',
  Blob: 'Keep bytes in a Uint8Array, and files with ctx.files.',
  ReadableStream: 'Workflows do not stream; read lists with .items() and files in parts with ctx.files.read.',
  performance: 'Time stands still while a workflow runs; use Date.now().',
  window: 'Workflows do not run in a browser.',
}

const MAX_MESSAGE_LENGTH = 8_000
const MAX_FRAME_LENGTH = 500
/** Of the data of an error: values, names and characters, and how deep they are nested. */
const MAX_DATA_SIZE = 40_000
const MAX_DATA_DEPTH = 100
/** A hundred years: what says more is no number of seconds. */
const MAX_RETRY_AFTER = 3_155_760_000

/** A failure the isolate reported: `[kind, name, message, stack, code, retryable, retryAfterSeconds, data, hint]`. Nothing in it is trusted. */
export function guestFailure(values: unknown[], places: SourcePlaces): WorkflowError {
  const [kind, name, message, stack, code, retryable, retryAfterSeconds, data, advice] = values
  const error = {
    name: asText(name, 100) || 'Error',
    message: asText(message, MAX_MESSAGE_LENGTH),
  }
  const missing = /^(\w+) is not defined$/.exec(error.message)?.[1]
  const hint = advice ?? (missing === undefined ? undefined : missingGlobals[missing])
  const outOfMemory = error.name === 'RangeError' && error.message === 'Array buffer allocation failed'
  const trusted =
    typeof kind === 'string' && guestKinds.has(kind) ? (kind as WorkflowError['kind']) : 'code_error'
  return {
    kind: outOfMemory ? 'memory_limit' : trusted,
    ...error,
    stack: workflowStack(`${error.name}: ${error.message}`, asText(stack, 20_000), places),
    ...(typeof code === 'string' ? { code: asText(code, 200) } : {}),
    retryable: retryable === true && (trusted === 'upstream_error' || trusted === 'dependency_error'),
    ...(isDelay(retryAfterSeconds) ? { retryAfterSeconds } : {}),
    ...(typeof hint === 'string' ? { hint: asText(hint, 2000) } : {}),
    ...dataOf(data),
  }
}

const isDelay = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= MAX_RETRY_AFTER

function dataOf(text: unknown): { data?: Json } {
  if (typeof text !== 'string' || text.length > MAX_DATA_SIZE) return {}
  const data: unknown = JSON.parse(text)
  return isErrorData(data) ? { data } : {}
}

/** What JSON text can say, and no more of it than an error may carry: a `Map`, a `Date`, a circle are none. */
export function isErrorData(value: unknown): value is Json {
  let left = MAX_DATA_SIZE
  const fits = (part: unknown, depth: number): boolean => {
    left -= typeof part === 'string' ? part.length + 1 : 1
    if (left < 0 || depth > MAX_DATA_DEPTH) return false
    if (typeof part === 'number') return Number.isFinite(part)
    if (typeof part === 'string' || typeof part === 'boolean') return true
    if (typeof part !== 'object') return false
    if (part === null) return true
    if (Array.isArray(part)) return part.every((each) => fits(each, depth + 1))
    if (Object.getPrototypeOf(part) !== Object.prototype) return false
    return Object.entries(part).every(([name, each]) => fits(name, depth) && fits(each, depth + 1))
  }
  return fits(value, 0)
}

/** A stack trace of the workflow's own frames: `at name (file:line:column)`, in the original source. */
export function workflowStack(heading: string, stack: string, places: SourcePlaces): string {
  const frames: string[] = []
  for (const line of stack.split('\n')) {
    const frame =
      line.startsWith('Caused by: ') && line.length <= MAX_FRAME_LENGTH ? line : readFrame(line, places)
    if (frame !== undefined) frames.push(frame)
  }
  return [heading, ...frames].join('\n')
}

/** A text with stack traces in it, whose frames of the workflow name the places of its source. */
export function withSourcePlaces(text: string, places: SourcePlaces): string {
  if (!text.includes(`${places.filename}:`)) return text
  const lines = text.split('\n')
  return lines
    .map((line) => (line.startsWith('    at ') ? (readFrame(line, places) ?? line) : line))
    .join('\n')
}

/** Undefined: not a frame of the workflow. */
function readFrame(line: string, { filename, columnOf }: SourcePlaces): string | undefined {
  // A stack is text the workflow can write; the time a line takes grows with the cube of its length.
  if (line.length > MAX_FRAME_LENGTH) return undefined
  const frame = /^\s*at (?:(.*) \()?(?:async )?(.+):(\d+):(\d+)\)?$/.exec(line)
  if (frame === null || frame[2] !== filename || Number(frame[3]) < 1) return undefined
  // The default export's function hangs on the module wrapper's scope object.
  const name = frame[1]?.replace(/\$w\d*\.default\b/, 'default')
  const place = `${filename}:${frame[3]}:${columnOf(Number(frame[3]), Number(frame[4]))}`
  return name ? `    at ${name} (${place})` : `    at ${place}`
}

export function compileFailure(error: unknown, filename: string): WorkflowError {
  const said = error instanceof Error ? error.message : String(error)
  const message =
    error instanceof RangeError
      ? 'The workflow is nested too deeply to be read.'
      : said.slice(0, MAX_MESSAGE_LENGTH)
  const loc = (error as { loc?: { line: number; column: number } }).loc
  const place = loc === undefined ? '' : `\n    at ${filename}:${loc.line}:${loc.column + 1}`
  return {
    kind: 'code_error',
    name: 'SyntaxError',
    message,
    stack: `SyntaxError: ${message}${place}`,
    retryable: false,
  }
}

/** A failure the sandbox itself decided on: a limit, a cancellation, a crash. */
export function sandboxFailure(
  kind: WorkflowError['kind'],
  name: string,
  message: string,
  retryable: boolean,
): WorkflowError {
  return { kind, name, message, stack: `${name}: ${message}`, retryable }
}

function asText(value: unknown, limit: number): string {
  return typeof value === 'string' ? value.slice(0, limit) : ''
}
