import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import ivm from 'isolated-vm'
import { installFixedBuffers } from './buffers.ts'
import { installClock } from './clock.ts'
import { buildConnect } from './connect.ts'
import { buildContext } from './context.ts'
import { buildEncoder } from './encode.ts'
import { installEvents } from './events.ts'
import { buildFailures } from './failure.ts'
import { buildFollow } from './follow.ts'
import { installHeaders } from './headers.ts'
import { primordials } from './primordials.ts'
import { buildSteps } from './steps.ts'
import { buildStores } from './stores.ts'
import { buildSubtle } from './subtle.ts'
import { installWeb } from './web.ts'

/** Web-standard globals taken from core-js, in the groups that load together. */
const lazyGlobals = [
  { names: ['URL', 'URLSearchParams'], entries: ['core-js/web/url', 'core-js/web/url-search-params'] },
  {
    names: ['structuredClone', 'DOMException'],
    entries: ['core-js/web/dom-exception', 'core-js/web/structured-clone'],
  },
  { names: ['atob'], entries: ['core-js/stable/atob'] },
  { names: ['btoa'], entries: ['core-js/stable/btoa'] },
]

/**
 * Shared memory, WebAssembly and finalizers: a wide attack surface, memory outside the limit, and code that
 * outlives its execution; workflows have no use for them. They go when a context is made, not in the
 * snapshot, because V8 itself looks for them while it restores one.
 */
const removedGlobals = [
  '__connect',
  'SharedArrayBuffer',
  'Atomics',
  'WebAssembly',
  'FinalizationRegistry',
  'WeakRef',
]

/** V8 keeps ten; calls through ctx take some of them for frames of the bootstrap. */
const STACK_FRAMES = 25

/**
 * The heap every isolate starts from: built-ins captured, `ctx` machinery and web globals defined, nothing
 * of any workflow. The functions under `guest/` go in as their own source text, so they cannot close over
 * anything of this process. A context made from it takes about 0.4 ms.
 */
export function buildGuestSnapshot(): ivm.ExternalCopy<ArrayBuffer> {
  const code = `(() => { 'use strict'
    const p = (${primordials.toString()})()
    const link = ${linkCommonJs(lazyGlobals.flatMap((group) => group.entries))}
    const follow = (${buildFollow.toString()})(p)
    const random = (${installWeb.toString()})(p, follow.bind, [${lazyGlobals
      .map(
        ({ names, entries }) =>
          `{ names: ${JSON.stringify(names)}, load: () => { const load = link(); ${entries.map((entry) => `load(${JSON.stringify(entry)})`).join('; ')} } }`,
      )
      .join(', ')},
      { names: ['Event', 'EventTarget', 'AbortController', 'AbortSignal'], load: () => (${installEvents.toString()})(p) },
      { names: ['Headers'], load: () => (${installHeaders.toString()})(p) }])
    ;(${installFixedBuffers.toString()})(p)
    const setClock = (${installClock.toString()})(p, random.nextByte)
    const failures = (${buildFailures.toString()})(p)
    const encode = (${buildEncoder.toString()})(p)
    const connect = (${buildConnect.toString()})(p, encode, failures, follow, random.seed, setClock, random.turn, (p, failures, services, job) => (${buildContext.toString()})(p, failures, services, job, ${buildSteps.toString()}, ${buildStores.toString()}), ${buildSubtle.toString()})
    globalThis.__connect = (send) => {
      p.Error.stackTraceLimit = ${STACK_FRAMES}
      for (const name of ${JSON.stringify(removedGlobals)}) p.deleteProperty(globalThis, name)
      return connect(send)
    }
  })()`
  return ivm.Isolate.createSnapshot([{ code, filename: GUEST_FILENAME }])
}

/** Frames of the bootstrap carry this name, so stack traces can leave them out. */
export const GUEST_FILENAME = 'patchbay:guest'

/**
 * The CommonJS packages behind `entries` as one expression, `() => (entry) => exports`, for a place that has
 * no `require`. Nothing in them runs before an entry is asked for.
 */
function linkCommonJs(entries: string[]): string {
  const require = createRequire(import.meta.url)
  const ids = new Map<string, number>()
  const modules: string[] = []
  const visit = (path: string): number => {
    const existing = ids.get(path)
    if (existing !== undefined) return existing
    const id = ids.size
    ids.set(path, id)
    const source = readFileSync(path, 'utf8')
    const resolve = createRequire(path).resolve
    const linked = source.replaceAll(
      /\brequire\('([^']+)'\)/g,
      (_all, name: string) => `require(${visit(resolve(name))})`,
    )
    modules[id] = `function (module, exports, require) {${linked}\n}`
    return id
  }
  const roots = entries.map((entry) => [entry, visit(require.resolve(entry))])
  return `() => {
    const modules = [${modules.join(',\n')}]
    const loaded = []
    const require = (id) => {
      if (loaded[id]) return loaded[id].exports
      const module = loaded[id] = { exports: {} }
      modules[id].call(module.exports, module, module.exports, require)
      return module.exports
    }
    const roots = ${JSON.stringify(Object.fromEntries(roots))}
    return (entry) => require(roots[entry])
  }`
}
