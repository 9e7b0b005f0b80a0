import type { Primordials } from './primordials.ts'

/**
 * Runs inside the isolate when a workflow first asks for one of them: `Event`, `EventTarget`, `AbortController` and
 * `AbortSignal` as the DOM standard has them, as far as code without a document and without timers can use them.
 */
export function installEvents(p: Primordials) {
  interface Listener {
    type: string
    callback: unknown
    once: boolean
    removed: boolean
  }
  const flags = new p.WeakMap() as WeakMap<
    object,
    { dispatching: boolean; stopped: boolean; canceled: boolean; target: object | null }
  >
  const listenersOf = new p.WeakMap() as WeakMap<object, Listener[]>
  const stateOf = new p.WeakMap() as WeakMap<
    object,
    { aborted: boolean; reason: unknown; dependents: AbortSignal[] }
  >
  const own = <T>(map: WeakMap<object, T>, key: object): T => {
    const found = p.weakGet(map, key) as T | undefined
    if (found === undefined) throw new p.TypeError('Illegal invocation')
    return found
  }
  const isObject = (value: unknown) =>
    (typeof value === 'object' && value !== null) || typeof value === 'function'
  const domException = (message: string, name: string) => new DOMException(message, name)

  class Event {
    readonly type: string
    readonly bubbles: boolean
    readonly cancelable: boolean
    readonly timeStamp = 0
    constructor(...given: unknown[]) {
      if (given.length === 0) throw new p.TypeError('Event takes a type.')
      const type = given[0]
      const options = given[1] as { bubbles?: unknown; cancelable?: unknown } | undefined
      this.type = p.String(type)
      this.bubbles = Boolean(options?.bubbles)
      this.cancelable = Boolean(options?.cancelable)
      p.weakSet(flags, this, { dispatching: false, stopped: false, canceled: false, target: null })
    }
    get target() {
      return own(flags, this).target
    }
    get currentTarget() {
      const { dispatching, target } = own(flags, this)
      return dispatching ? target : null
    }
    get defaultPrevented() {
      return own(flags, this).canceled
    }
    preventDefault() {
      if (this.cancelable) own(flags, this).canceled = true
    }
    stopPropagation() {
      own(flags, this)
    }
    stopImmediatePropagation() {
      own(flags, this).stopped = true
    }
  }

  class EventTarget {
    constructor() {
      p.weakSet(listenersOf, this, [])
    }
    addEventListener(type: unknown, callback: unknown, options?: unknown) {
      const list = own(listenersOf, this)
      if (callback === null || callback === undefined) return
      if (!isObject(callback))
        throw new p.TypeError('A listener is a function or an object with handleEvent.')
      const { once, signal } = (isObject(options) ? options : {}) as { once?: unknown; signal?: AbortSignal }
      if (signal !== undefined && own(stateOf, signal).aborted) return
      const name = p.String(type)
      for (let i = 0; i < list.length; i++) {
        const each = list[i] as Listener
        if (each.type === name && each.callback === callback) return
      }
      list[list.length] = { type: name, callback, once: Boolean(once), removed: false }
      if (signal !== undefined)
        signal.addEventListener('abort', () => this.removeEventListener(name, callback), { once: true })
    }
    removeEventListener(type: unknown, callback: unknown) {
      const list = own(listenersOf, this)
      const left: Listener[] = []
      for (let i = 0; i < list.length; i++) {
        const each = list[i] as Listener
        if (each.type === p.String(type) && each.callback === callback) each.removed = true
        else left[left.length] = each
      }
      p.weakSet(listenersOf, this, left)
    }
    dispatchEvent(event: Event): boolean {
      const list = own(listenersOf, this)
      const state = own(flags, event)
      if (state.dispatching) throw domException('The event is being dispatched.', 'InvalidStateError')
      state.dispatching = true
      state.target = this
      for (let i = 0, count = list.length; i < count && !state.stopped; i++) {
        const { type, callback, once, removed } = list[i] as Listener
        if (type !== event.type || removed) continue
        if (once) this.removeEventListener(type, callback)
        try {
          if (typeof callback === 'function') p.apply(callback as () => unknown, this, [event])
          else (callback as { handleEvent(event: Event): void }).handleEvent(event)
        } catch (error) {
          // As in a browser: told of, and no concern of who dispatches.
          console.error(error)
        }
      }
      state.dispatching = false
      state.stopped = false
      return !state.canceled
    }
  }

  let making = false
  class AbortSignal extends EventTarget {
    onabort: unknown = null
    constructor() {
      super()
      if (!making) throw new p.TypeError('Illegal constructor')
      p.weakSet(stateOf, this, { aborted: false, reason: undefined, dependents: [] })
    }
    get aborted(): boolean {
      return own(stateOf, this).aborted
    }
    get reason(): unknown {
      return own(stateOf, this).reason
    }
    throwIfAborted() {
      const { aborted, reason } = own(stateOf, this)
      if (aborted) throw reason
    }
    static abort(reason?: unknown) {
      const signal = make()
      abort(signal, reason)
      return signal
    }
    static any(signals: Iterable<AbortSignal>) {
      const joined = make()
      for (const signal of signals) {
        const { aborted, reason, dependents } = own(stateOf, signal)
        if (aborted) {
          abort(joined, reason)
          break
        }
        dependents[dependents.length] = joined
      }
      return joined
    }
    static timeout() {
      throw domException(
        'There are no timers in workflows, so no AbortSignal.timeout: give fetch {timeoutMs}.',
        'NotSupportedError',
      )
    }
  }
  function make() {
    making = true
    try {
      return new AbortSignal()
    } finally {
      making = false
    }
  }
  function abort(signal: AbortSignal, reason: unknown) {
    const state = own(stateOf, signal)
    if (state.aborted) return
    state.aborted = true
    state.reason = reason === undefined ? domException('This operation was aborted', 'AbortError') : reason
    const event = new Event('abort')
    if (typeof signal.onabort === 'function') {
      try {
        p.apply(signal.onabort as () => unknown, signal, [event])
      } catch (error) {
        console.error(error)
      }
    }
    signal.dispatchEvent(event)
    const { dependents } = state
    state.dependents = []
    for (let i = 0; i < dependents.length; i++) abort(dependents[i] as AbortSignal, state.reason)
  }
  class AbortController {
    readonly signal = make()
    abort(reason?: unknown) {
      abort(this.signal, reason)
    }
  }

  const all = { Event, EventTarget, AbortSignal, AbortController }
  const names = p.keys(all)
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as keyof typeof all
    p.defineProperty(globalThis, name, {
      __proto__: null,
      value: all[name],
      writable: true,
      configurable: true,
      enumerable: false,
    } as never)
    p.defineProperty(all[name].prototype, Symbol.toStringTag, {
      __proto__: null,
      value: name,
      configurable: true,
    } as never)
  }
}
