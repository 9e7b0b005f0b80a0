import type { LogLine, WorkflowError } from './sandbox.ts'

/**
 * Messages between the server and a sandbox process, of which each sends many at once. Payloads travel as JSON text, made once and parsed
 * once: by the isolate on one side and the server on the other, the sandbox process never looks inside.
 */
export interface RunMessage {
  type: 'run'
  run: number
  isolateKey: string
  code: string
  filename: string
  /** The guest's job without what the sandbox process adds (random seed): see `GuestJob`. */
  job: string
  timeoutMs: number
  cpuMs: number
  memoryMb: number
  maxLogLines: number
  maxLogBytes: number
  maxOutputBytes: number
  seed: string | undefined
  /** The server's time, of a run whose steps begin and end without asking: see steps-ahead.ts. */
  stepsFrom: number | undefined
  linesKept: Record<string, number>
}

/** The answer to a call: JSON text, the time the code sees from then on, and what the answer is known by. */
export interface Reply {
  ok: boolean
  json: string
  at: number | undefined
  turn: number | undefined
}

/**
 * A step (ctx.step) of a run that does not ask for it. `args` is what the call would carry, `scope` what the step is
 * known by, `seq` the place of its result in the record, `at` when it began or ended, in milliseconds since 1970.
 */
export type ToldStep =
  | { what: 'begin'; scope: string; args: string; within: string | undefined; at: number }
  | { what: 'end'; scope: string; args: string; seq: number; at: number }
  | { what: 'fail'; scope: string }

export type ToWorker =
  | RunMessage
  | { type: 'cancel'; run: number }
  | ({ type: 'reply'; run: number; id: number } & Reply)
  /** The call will be answered in its turn: answers to others need not wait for it. */
  | { type: 'later'; run: number; id: number }
  /** Say so once it does nothing but wait for so many calls. */
  | { type: 'still'; run: number; waiting: number }
  /** End it, if it does nothing but wait for so many calls. */
  | { type: 'suspend'; run: number; waiting: number }
  | { type: 'ping' }

export interface DoneMessage {
  type: 'done'
  run: number
  status: 'completed' | 'suspended' | 'failed' | 'timeout' | 'cancelled'
  /** JSON text of the output; only when completed. */
  output: string | undefined
  error: WorkflowError | undefined
  logs: LogLine[]
  stats: { durationMs: number; cpuMs: number; heapBytes: number; bridgeCalls: number }
  /** Calls whose answers it did not get. */
  waiting: number
}

/** What a sandbox process holds now. */
export interface ProcessFigures {
  pid: number
  rssBytes: number
  /** The heap of its own code, not of the isolates. */
  heapBytes: number
  /** Isolates that wait for the next execution of their workflow. */
  idleIsolates: number
  executions: number
  /** Timers, pipes and other things that keep a process of Node.js busy. */
  handles: number
}

export type FromWorker =
  | { type: 'ready' }
  | { type: 'pong'; figures: ProcessFigures }
  | { type: 'call'; run: number; id: number; name: string; args: string; within: string | undefined }
  | { type: 'told'; run: number; step: ToldStep }
  | DoneMessage
  /** It does nothing but wait for so many calls. */
  | { type: 'still'; run: number; waiting: number }
  /** A thread of this process is beyond control: give it nothing new, and end it when its runs are done. */
  | { type: 'doomed'; reason: string }

/** How many bridge calls one execution may have waiting, and how much their arguments may add up to. */
export const MAX_WAITING_CALLS = 256
export const MAX_WAITING_CALL_BYTES = 32 * 1024 * 1024
/** Steps, and bytes of their arguments and results, that are told of one execution; beyond them the server is asked. */
export const MAX_TOLD = 1_000
export const MAX_TOLD_BYTES = 1024 * 1024
