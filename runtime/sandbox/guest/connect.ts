import type { Encode } from './encode.ts'
import type { BridgeFailure, Failures } from './failure.ts'
import type { Follow } from './follow.ts'
import type { Primordials } from './primordials.ts'

/** The one way out of the isolate: every argument is a string, number or boolean, copied by isolated-vm. */
export type Send = (
  kind: 'call' | 'log' | 'done' | 'fail',
  ...values: (string | number | boolean | undefined)[]
) => void

/** What an execution starts with, as JSON. */
export interface GuestJob {
  input: unknown
  headers: Record<string, string>
  context: Record<string, unknown>
  connectors: string[]
  maxLogLines: number
  maxLogBytes: number
  maxOutputBytes: number
  maxCalls: number
  maxCallBytes: number
  seed: string
  /** Milliseconds since 1970. */
  clock: number
}

/** Calls from the host into the isolate; anything else about it is private. */
export type Control = (operation: 'start' | 'reply', ...given: unknown[]) => void

/**
 * Runs inside the isolate while the snapshot is made, so that a context costs nothing of it: the globals and what
 * `ctx` is made of, over the host's `send` and the job that only an execution will bring. Returns `connect`, called
 * once per context: it takes `send` and gives the control function the host drives the execution with.
 */
export function buildConnect(
  p: Primordials,
  encode: Encode,
  failures: Failures,
  { stepNow, goOnIn, bind }: Follow,
  seedCrypto: (key: string) => void,
  setClock: (ms: number) => void,
  setTurn: (turn: number) => void,
  buildContext: (p: Primordials, failures: Failures, services: GuestServices, job: GuestJob) => () => object,
  buildSubtle: (p: Primordials, failures: Failures, services: GuestServices) => object,
) {
  interface Pending {
    resolve: (value: unknown) => void
    reject: (error: Error) => void
    pick: ((value: unknown) => unknown) | undefined
    /** Made where the call was; its stack is written out only for a failure, for that is half of what a call costs. */
    origin: Error
    bytes: number
    /** The step it is part of. */
    step: string | undefined
  }
  const pending: Record<number, Pending> = { __proto__: null } as never
  let outstanding = 0
  let outstandingBytes = 0
  let lastId = 0
  let logLines = 0
  let logBytes = 0
  let finished = false
  /** What the last answer is known by. */
  let turn = 0
  let send: Send
  /** Filled in when the execution starts. */
  const job: GuestJob = { __proto__: null } as never

  function fail(kind: string, name: string, message: string) {
    finished = true
    send('fail', kind, name, message, '', undefined, false, undefined, undefined)
  }

  /** A refusal made in here, shaped like one from the bridge. */
  function refuse(code: string, name: string, message: string, hint: string, kind = 'code_error'): Error {
    const stack = stackHere()
    return failures.raise(
      { kind, name, message: `${message} ${hint}`, code, status: 400, retryable: false, hint },
      stack,
    )
  }

  const stackHere = () => stackOf(new p.Error())

  function stackOf(error: Error): string {
    const stack = failures.text(failures.read(error, 'stack'), 8000) ?? ''
    const newline = p.indexOf(stack, '\n')
    return newline < 0 ? '' : failures.ownFrames(p.slice(stack, newline + 1))
  }

  function call(name: string, args: unknown[], pick?: (value: unknown) => unknown): Promise<unknown> {
    return new p.Promise((resolve, reject) => {
      const encoded = encode(args, 'arguments', job.maxCallBytes)
      if (encoded.problem !== undefined) {
        const { path, message } = encoded.problem
        reject(
          refuse(
            'invalid_input',
            'InvalidInputError',
            `${name}: ${path} ${message}.`,
            'Pass plain JSON values.',
          ),
        )
        return
      }
      const bytes = encoded.json.length
      if (outstanding >= job.maxCalls || outstandingBytes + bytes > job.maxCallBytes) {
        const limit = `at most ${job.maxCalls} calls and ${job.maxCallBytes} bytes of arguments at once`
        reject(
          refuse(
            'limit_exceeded',
            'LimitExceededError',
            `Too many calls are waiting (${limit}).`,
            'Await calls in smaller batches.',
          ),
        )
        return
      }
      const id = ++lastId
      const step = stepNow()
      pending[id] = { resolve, reject, pick, origin: new p.Error(), bytes, step }
      outstanding++
      outstandingBytes += bytes
      send('call', id, name, encoded.json, step)
    })
  }

  function reply(id: number, ok: boolean, json: string, at: number | undefined, known: number | undefined) {
    const entry = pending[id]
    if (entry === undefined) return
    if (at !== undefined) setClock(at)
    if (known !== undefined) {
      turn = known
      setTurn(known)
    }
    delete pending[id]
    outstanding--
    outstandingBytes -= entry.bytes
    goOnIn(entry.step)
    try {
      const value = p.parse(json) as unknown
      if (!ok) entry.reject(failures.raise(value as BridgeFailure, stackOf(entry.origin)))
      else entry.resolve(entry.pick === undefined ? value : entry.pick(value))
    } catch (error) {
      entry.reject(error as Error)
    }
  }

  function show(value: unknown): string {
    if (typeof value === 'string') return value
    if (typeof value === 'function') return '[function]'
    if (!failures.isObject(value)) return failures.plain(value)
    const stack = p.tagOf(value) === '[object Error]' ? failures.read(value, 'stack') : undefined
    if (typeof stack === 'string') return failures.ownFrames(stack)
    const encoded = encode(value, 'value', job.maxLogBytes)
    if (encoded.problem === undefined) return encoded.json
    return failures.plain(value)
  }

  function log(level: string, values: unknown[]) {
    if (finished || logLines > job.maxLogLines || logBytes > job.maxLogBytes) return
    let message = ''
    try {
      for (let i = 0; i < values.length; i++) message += (i === 0 ? '' : ' ') + show(values[i])
    } catch {
      message = 'a value that cannot be shown'
    }
    logLines++
    const room = job.maxLogBytes - logBytes
    logBytes += message.length
    if (logLines > job.maxLogLines || room <= 0) {
      logLines = job.maxLogLines + 1
      send(
        'log',
        'warn',
        `Log limit reached (${job.maxLogLines} lines, ${job.maxLogBytes} bytes): later lines were dropped.`,
        turn,
      )
      return
    }
    // biome-ignore lint/complexity/useMathMinMax: Math belongs to the workflow by now.
    const limit = room < 16_384 ? room : 16_384
    send('log', level, message.length > limit ? `${p.slice(message, 0, limit)}… [truncated]` : message, turn)
  }

  function finish(output: unknown) {
    if (finished) return
    const encoded = encode(output, 'output', job.maxOutputBytes)
    if (encoded.problem !== undefined) {
      const { path, message } = encoded.problem
      fail('output_invalid', 'OutputInvalid', `${path} ${message}.`)
    } else if (encoded.json.length > job.maxOutputBytes) {
      const size = `${encoded.json.length} characters of JSON`
      fail(
        'output_invalid',
        'OutputInvalid',
        `output is too large: ${size}, more than ${job.maxOutputBytes} bytes. Return a summary, or store the data and return its key.`,
      )
    } else {
      finished = true
      if (outstanding > 0) {
        send(
          'log',
          'warn',
          `${outstanding} call(s) were still running when the workflow returned and were cancelled; await every call.`,
          turn,
        )
      }
      send('done', encoded.json)
    }
  }

  function failWith(thrown: unknown) {
    if (finished) return
    finished = true
    const f = failures.describe(thrown)
    send('fail', f.kind, f.name, f.message, f.stack, f.code, f.retryable, f.retryAfterSeconds, f.data, f.hint)
  }

  function start(json: string, body: WorkflowModule) {
    const given = p.parse(json) as Record<string, unknown>
    const names = p.keys(given)
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      ;(job as unknown as Record<string, unknown>)[name] = given[name]
    }
    seedCrypto(job.seed)
    setClock(job.clock)
    const ctx = contextOfJob()
    const main = (workflow: unknown) => {
      if (typeof workflow !== 'function') {
        fail(
          'code_error',
          'NoWorkflowFunction',
          'The workflow has no default export that is a function. Write: export default async (ctx) => { … }',
        )
        return
      }
      try {
        const returned = p.apply(workflow as () => unknown, undefined, [ctx])
        // A promise of the language is waited for directly, whatever became of Promise.prototype.then; any
        // other value is taken as `await` would: a thenable is waited for, the rest is the output.
        const direct = failures.isObject(returned) && p.getPrototypeOf(returned) === p.PromisePrototype
        const settled = direct ? returned : new p.Promise((resolve) => resolve(returned))
        p.promiseThen(settled, finish, failWith)
      } catch (error) {
        failWith(error)
      }
    }
    p.promiseThen(p.apply(body, undefined, [stepNow, goOnIn]), main, failWith)
  }

  const services = { call, log, refuse, bind, stepNow, goOnIn }
  const contextOfJob = buildContext(p, failures, services, job)
  const { crypto } = globalThis as unknown as { crypto: object }
  p.defineProperty(crypto, 'subtle', {
    __proto__: null,
    value: buildSubtle(p, failures, services),
    enumerable: true,
  } as never)
  p.freeze(crypto)

  const control: Control = (operation, a, b, c, d, e) => {
    try {
      if (operation === 'start') start(a as string, b as WorkflowModule)
      else if (!finished)
        reply(a as number, b as boolean, c as string, d as number | undefined, e as number | undefined)
    } catch (error) {
      failWith(error)
    }
  }
  return (given: Send): Control => {
    send = given
    return control
  }
}

/** What `wrapModule` made of a workflow: gives its default export. */
type WorkflowModule = (stepNow: Follow['stepNow'], goOnIn: Follow['goOnIn']) => Promise<unknown>

/** What `ctx` is made of. */
export interface GuestServices extends Follow {
  call(name: string, args: unknown[], pick?: (value: unknown) => unknown): Promise<unknown>
  log(level: string, values: unknown[]): void
  refuse(code: string, name: string, message: string, hint: string, kind?: string): Error
}
