import ivm from 'isolated-vm'
import { buildWrapper, type WrappedModule } from './wrap-module.ts'

/** A context no workflow has run in yet, wired to the host. */
export interface GuestContext {
  context: ivm.Context
  control: ivm.Reference
  /** Set for the length of one execution; what arrives at any other time is dropped. */
  receive: ((kind: unknown, values: unknown[]) => void) | undefined
}

/** One isolate with its compiled workflow. Used by one execution at a time, so a limit hit ends only that one. */
export interface GuestIsolate {
  key: string
  code: string
  filename: string
  memoryMb: number
  isolate: ivm.Isolate
  script: ivm.Script
  /** Where in the workflow's source a column of what runs comes from. */
  columnOf: WrappedModule['columnOf']
  /** The context of the next execution, made ahead: the outcome of the last one is on its way by then. */
  next: GuestContext
  uses: number
  heapBytes: number
  onCatastrophe: ((message: string) => void) | undefined
}

export interface IsolateWish {
  isolateKey: string
  code: string
  filename: string
  memoryMb: number
}

export interface WarmIsolates {
  /** A warm isolate for this key and code, or a new one. Throws SyntaxError for code that does not parse. */
  acquire(wish: IsolateWish): GuestIsolate
  /** Takes an isolate back after a run that left it idle and healthy. */
  release(guest: GuestIsolate, heapBytes: number): void
  discard(guest: GuestIsolate): void
  /** How many wait for their next execution. */
  idle(): number
}

/** isolated-vm's types leave this out. */
type CompiledScript = ivm.Script & {
  cachedData?: ivm.ExternalCopy<ArrayBuffer>
  cachedDataRejected?: boolean
}

/** Old contexts are garbage V8 collects lazily; a new isolate now and then costs less than proving it did. */
const MAX_USES = 500

/**
 * The isolates kept between executions, least recently used out first, bounded by `maxIdle` and by the sum of
 * their heaps. Concurrent executions of one key get an isolate each.
 */
export function buildWarmIsolates(
  snapshot: ivm.ExternalCopy<ArrayBuffer>,
  maxIdle: number,
  maxIdleBytes: number,
): WarmIsolates {
  /** Oldest first. */
  const idle: GuestIsolate[] = []
  const wrap = buildWrapper()
  /**
   * What V8 compiled of a workflow, for other customers' isolates of the same: taken before any code ran in the isolate it
   * comes from, and only of what is compiled a second time.
   */
  const compiled = new WeakMap<WrappedModule, ivm.ExternalCopy<ArrayBuffer> | undefined>()

  function compile(isolate: ivm.Isolate, wrapped: WrappedModule, filename: string): CompiledScript {
    const cachedData = compiled.get(wrapped)
    const origin = { filename, lineOffset: -1 }
    if (cachedData !== undefined) {
      const script: CompiledScript = isolate.compileScriptSync(wrapped.code, { ...origin, cachedData })
      if (script.cachedDataRejected) compiled.set(wrapped, undefined)
      return script
    }
    const produceCachedData = compiled.has(wrapped)
    const script: CompiledScript = isolate.compileScriptSync(wrapped.code, { ...origin, produceCachedData })
    compiled.set(wrapped, script.cachedData)
    return script
  }

  function create(wish: IsolateWish): GuestIsolate {
    const wrapped = wrap(wish.code)
    let guest: GuestIsolate | undefined
    const isolate = new ivm.Isolate({
      memoryLimit: Math.max(8, wish.memoryMb),
      snapshot,
      onCatastrophicError: (message) => guest?.onCatastrophe?.(message),
    })
    try {
      const script = compile(isolate, wrapped, wish.filename)
      guest = {
        key: wish.isolateKey,
        code: wish.code,
        filename: wish.filename,
        memoryMb: wish.memoryMb,
        isolate,
        script,
        columnOf: wrapped.columnOf,
        next: createContext(isolate),
        uses: 0,
        heapBytes: 0,
        onCatastrophe: undefined,
      }
      return guest
    } catch (error) {
      isolate.dispose()
      throw error
    }
  }

  function discard(guest: GuestIsolate) {
    if (!guest.isolate.isDisposed) guest.isolate.dispose()
  }

  return {
    acquire(wish) {
      const at = idle.findLastIndex(
        (guest) =>
          guest.key === wish.isolateKey &&
          guest.memoryMb === wish.memoryMb &&
          guest.filename === wish.filename &&
          guest.code === wish.code,
      )
      const [warm] = at < 0 ? [] : idle.splice(at, 1)
      return warm !== undefined && !warm.isolate.isDisposed ? warm : create(wish)
    },

    release(guest, heapBytes) {
      guest.uses++
      guest.heapBytes = heapBytes
      // Half its memory gone, collected or not: the next execution is owed the whole limit.
      if (guest.uses >= MAX_USES || heapBytes > guest.memoryMb * 1024 * 1024 * 0.5) return discard(guest)
      try {
        guest.next = createContext(guest.isolate)
      } catch {
        // What it holds leaves no room for one more context: the next execution gets a new isolate.
        return discard(guest)
      }
      idle.push(guest)
      let bytes = idle.reduce((sum, each) => sum + each.heapBytes, 0)
      while (idle.length > maxIdle || bytes > maxIdleBytes) {
        const oldest = idle.shift()
        if (oldest === undefined) break
        bytes -= oldest.heapBytes
        discard(oldest)
      }
    },

    discard,
    idle: () => idle.length,
  }
}

/**
 * On this thread: handed to the isolate's own it costs nearly twice the processor time (0.86 ms against 0.49). The
 * isolate is idle and nothing of a workflow runs in it, so this waits for no workflow.
 */
function createContext(isolate: ivm.Isolate): GuestContext {
  const context = isolate.createContextSync()
  const connect = context.global.getSync('__connect', { reference: true })
  const guest: GuestContext = { context, control: connect, receive: undefined }
  const send = new ivm.Callback((kind: unknown, ...values: unknown[]) => guest.receive?.(kind, values), {
    ignored: true,
  })
  guest.control = connect.applySync(undefined, [send], { result: { reference: true } })
  connect.release()
  return guest
}
