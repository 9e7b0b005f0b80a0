/**
 * Answers `ctx.step` in the sandbox process while nothing is recorded of the execution that it could be answered from:
 * the server is told of steps, not asked. It keeps what it is told before it does anything the workflow asks for later;
 * code alone does nothing to the world, and does the same again when its process dies.
 */
import { MAX_TOLD, MAX_TOLD_BYTES, type Reply, type ToldStep } from './protocol.ts'
import {
  beginningOf,
  failureOf,
  MAX_PLACE_LENGTH,
  MAX_SCOPE_LENGTH,
  MAX_STEP_NAME_LENGTH,
  printOf,
  scopeOf,
  turnOf,
} from './step-names.ts'

export interface StepsAhead {
  /** A step begins or ends. Undefined: the server has to be asked. */
  answer(name: string, args: string, within: string | undefined): { told: ToldStep; reply: Reply } | undefined
  /** A step that began by asking counts for those alike that come after it. */
  asked(name: string, args: string, within: string | undefined): void
  /** What the server said with an answer. */
  heard(reply: Reply): void
}

/** @param now the server's time, in milliseconds since 1970 */
export function buildStepsAhead(now: number): StepsAhead {
  const since = performance.now()
  const alike = new Map<string, number>()
  const open = new Set<string>()
  let seq = 0
  let last = Math.floor(now)
  let told = 0
  let bytes = 0

  const time = () => Math.max(last, Math.floor(now + performance.now() - since))
  const done = (json: string, at?: number, turn?: number): Reply => ({ ok: true, json, at, turn })
  /** The scope of the step that begins. Undefined: its name is none. */
  const begin = (args: string, within: string | undefined): string | undefined => {
    const [name] = JSON.parse(args) as unknown[]
    if (typeof name !== 'string' || name === '') return undefined
    const print = printOf('step', name.slice(0, MAX_STEP_NAME_LENGTH), JSON.stringify([name]))
    const place = `${within ?? ''} ${print}`
    const nth = alike.get(place) ?? 0
    alike.set(place, nth + 1)
    return scopeOf(within ?? null, print, nth)
  }
  /** The scope that the arguments of the end of a step begin with. */
  const ending = (args: string): string | undefined => {
    const [scope] = JSON.parse(`${args.slice(0, args.indexOf('"', 2) + 1)}]`) as [string]
    return open.delete(scope) ? scope : undefined
  }

  return {
    answer(name, args, within) {
      if (told >= MAX_TOLD || bytes + args.length > MAX_TOLD_BYTES) return undefined
      if (name === 'step.begin') {
        if ((within?.length ?? 0) + MAX_PLACE_LENGTH > MAX_SCOPE_LENGTH) return undefined
        const scope = begin(args, within)
        if (scope === undefined) return undefined
        told++
        bytes += args.length
        open.add(scope)
        return {
          told: { what: 'begin', scope, args, within, at: time() },
          reply: done(JSON.stringify({ done: false, scope }), undefined, beginningOf(scope)),
        }
      }
      const scope = ending(args)
      if (scope === undefined) return undefined
      told++
      bytes += args.length
      if (name === 'step.fail')
        return { told: { what: 'fail', scope }, reply: done('null', undefined, failureOf(scope)) }
      last = time()
      const ended: ToldStep = { what: 'end', scope, args, seq: seq++, at: last }
      return { told: ended, reply: done('null', last, turnOf(ended.seq)) }
    },
    asked(name, args, within) {
      if (name === 'step.begin') begin(args, within)
    },
    heard({ ok, at, turn }) {
      // It may have had a place in the record before it failed: which is the next one only the server knows.
      if (!ok && turn === undefined) told = MAX_TOLD
      if (at !== undefined) last = Math.max(last, at)
      if (turn !== undefined && turn < 2 ** 52) seq = Math.max(seq, turn)
    },
  }
}
