import type { Primordials } from './primordials.ts'

/** What the host is told about a thrown value. Strings are bounded here; the host checks them again. */
export interface GuestFailure {
  kind: string
  name: string
  message: string
  stack: string
  code: string | undefined
  retryable: boolean
  retryAfterSeconds: number | undefined
  data: string | undefined
  /** What to do about it. */
  hint: string | undefined
}

/** An error the bridge answered with, as the host sends it in. */
export interface BridgeFailure {
  kind: string
  name: string
  message: string
  code: string
  status: number
  retryable: boolean
  retryAfterSeconds?: number
  where?: string
  hint?: string
  data?: unknown
}

/**
 * Runs inside the isolate. Turns bridge failures into Errors for the workflow (`raise`) and whatever the
 * workflow throws into a description for the host (`describe`), surviving proxies and getters that throw.
 * An error that came from the bridge, or has one among its causes, keeps its kind and whether to retry.
 */
export function buildFailures(p: Primordials) {
  const GUEST = 'patchbay:guest:' // the file name of the bootstrap, see snapshot.ts
  const MAX_CAUSES = 3
  const known = new p.WeakMap()

  function read(object: object, key: string): unknown {
    try {
      return (object as Record<string, unknown>)[key]
    } catch {
      return undefined
    }
  }
  const text = (value: unknown, limit: number): string | undefined => {
    if (typeof value !== 'string') return undefined
    return value.length > limit ? `${p.slice(value, 0, limit)}… [truncated]` : value
  }
  const plain = (value: unknown): string => {
    try {
      return typeof value === 'string' ? value : p.String(value)
    } catch {
      return 'a value that cannot be shown'
    }
  }
  const isObject = (value: unknown): value is object =>
    (typeof value === 'object' && value !== null) || typeof value === 'function'

  /** A stack trace without the frames of the bootstrap: in an error or a log they tell the workflow nothing. */
  function ownFrames(stack: string): string {
    const lines = p.split(stack, '\n')
    let own = ''
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string
      if (p.indexOf(line, GUEST) < 0) own += own === '' ? line : `\n${line}`
    }
    return own
  }

  function raise(failure: BridgeFailure, stack: string): Error {
    const error = new p.Error(failure.message)
    const set = (name: string, value: unknown, enumerable = true) => {
      if (value === undefined) return
      p.defineProperty(error, name, {
        __proto__: null,
        value,
        enumerable,
        writable: true,
        configurable: true,
      } as never)
    }
    set('name', failure.name, false)
    set('stack', `${failure.name}: ${failure.message}\n${stack}`, false)
    set('code', failure.code)
    set('status', failure.status)
    set('retryable', failure.retryable)
    set('retryAfterSeconds', failure.retryAfterSeconds)
    set('where', failure.where)
    set('hint', failure.hint)
    set('data', failure.data)
    p.weakSet(known, error, failure)
    return error
  }

  function originOf(thrown: object): BridgeFailure | undefined {
    let current: unknown = thrown
    for (let depth = 0; depth < 5 && isObject(current); depth++) {
      const failure = p.weakGet(known, current) as BridgeFailure | undefined
      if (failure !== undefined) return failure
      current = read(current, 'cause')
    }
    return undefined
  }

  /** The stack of an error, and of what it names as its cause. */
  function stackOf(thrown: object): string {
    let stack = text(read(thrown, 'stack'), 8000) ?? ''
    let cause = read(thrown, 'cause')
    for (let depth = 0; depth < MAX_CAUSES && isObject(cause); depth++) {
      const why = text(read(cause, 'stack'), 4000)
      if (why === undefined) break
      stack += `\nCaused by: ${why}`
      cause = read(cause, 'cause')
    }
    return stack
  }

  function describe(thrown: unknown): GuestFailure {
    if (!isObject(thrown)) {
      const type = thrown === null ? 'null' : typeof thrown
      const shown = type === 'null' || type === 'undefined' ? type : `a ${type}: ${plain(thrown)}`
      return {
        kind: 'code_error',
        name: 'Error',
        message: `The workflow threw ${text(shown, 4000)} (not an Error); throw new Error(…) keeps the stack.`,
        stack: '',
        code: undefined,
        retryable: false,
        retryAfterSeconds: undefined,
        data: undefined,
        hint: undefined,
      }
    }
    const origin = originOf(thrown)
    const message = text(read(thrown, 'message'), 4000)
    const code = text(read(thrown, 'code'), 100)
    let data: string | undefined
    try {
      const raw = read(thrown, 'data')
      const json = raw === undefined ? undefined : p.stringify(raw)
      if (json !== undefined && json.length <= 20_000) data = json
    } catch {
      // Data that cannot be JSON is left out: it is an addition to the message, not a part of it.
    }
    return {
      kind: origin === undefined ? 'code_error' : origin.kind,
      name: text(read(thrown, 'name'), 100) ?? 'Error',
      message:
        message ?? 'The workflow threw an object that is not an Error; throw new Error(…) keeps the stack.',
      stack: stackOf(thrown),
      code: code ?? origin?.code,
      retryable: origin?.retryable === true,
      retryAfterSeconds: origin?.retryAfterSeconds,
      data,
      hint: text(read(thrown, 'hint'), 2000) ?? origin?.hint,
    }
  }

  return { raise, describe, read, text, plain, isObject, ownFrames }
}

export type Failures = ReturnType<typeof buildFailures>
