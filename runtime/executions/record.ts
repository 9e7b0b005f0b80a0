import { configure } from 'safe-stable-stringify'
import type { Json } from '../../core/json.ts'
import type { StepRow } from '../../db/execution-steps.ts'
import { printOf, scopeOf } from '../sandbox/step-names.ts'

const stable = configure({ deterministic: true, bigint: false })

/** Recognizes a call when the code makes it again: by what is called, with which arguments. */
export const fingerprint = (kind: string, name: string, args: Json): string =>
  printOf(kind, name, stable(args) ?? 'null')

/** One call among all of an execution. */
export interface Place {
  /** Its {@link fingerprint}. */
  print: string
  /** The step (ctx.step) it is part of; null: none. */
  step: string | null
  /** How many alike came before it in the same step. */
  nth: number
}

/** The same on every run of the same code. */
export const keyOf = ({ print, step, nth }: Place): string => scopeOf(step, print, nth)

/** What earlier runs of an execution recorded, to be taken by the calls that are made again. */
export interface StepRecord {
  /**
   * What is recorded of this call. What a new attempt, or a replay, does may differ from what was done before; there a
   * call that is not recorded itself takes what is left of calls alike, in the order they ended.
   */
  take(place: Place): StepRow | undefined
  /** Leaves out what is part of a step that is not repeated. */
  skipWithin(step: string): void
  /**
   * Resolves when what ended before this has been handed out too, so that races end as they did.
   * @param still resolves when the code does nothing but wait: what it has not asked for by then it will not ask for
   *   before something is answered
   */
  turnOf(row: StepRow, still: () => Promise<void>): Promise<void>
  /** The place of the next thing recorded. */
  next: number
}

interface Entry {
  row: StepRow
  taken: boolean
}

/** Takes the first of a list that was not taken elsewhere. */
function buildShelf() {
  const entries: Entry[] = []
  let first = 0
  return {
    entries,
    take(mayTake: (row: StepRow) => boolean): StepRow | undefined {
      while (entries[first]?.taken === true) first += 1
      const entry = entries[first]
      if (entry === undefined || !mayTake(entry.row)) return undefined
      entry.taken = true
      return entry.row
    },
  }
}

/** @param attempt what was recorded before it may have been done by code that took another way */
export function buildRecord(rows: readonly StepRow[], attempt: number): StepRecord {
  const own = new Map<string, Entry>()
  const shelves = new Map<string, ReturnType<typeof buildShelf>>()
  const parts = new Map<string, Entry[]>()

  const shelfOf = (name: string) => {
    const shelf = shelves.get(name) ?? buildShelf()
    shelves.set(name, shelf)
    return shelf
  }
  const printOfRow = ({ fingerprint: full }: StepRow) => full.slice(0, full.lastIndexOf('.'))
  for (const row of rows) {
    const entry: Entry = { row, taken: false }
    const { within } = row
    own.set(within === null ? row.fingerprint : `${within}/${row.fingerprint}`, entry)
    for (const shelf of [`${within ?? ''} ${printOfRow(row)}`, printOfRow(row)])
      shelfOf(shelf).entries.push(entry)
    if (within === null) continue
    // Part of the step, and of those that step is part of.
    for (let end = within.length; end > 0; end = within.lastIndexOf('/', end - 1)) {
      const step = within.slice(0, end)
      const known = parts.get(step)
      if (known === undefined) parts.set(step, [entry])
      else known.push(entry)
    }
  }

  /** Those that ended, in the order they were handed out; what no run took note of comes last. */
  const order = rows
    .filter((row) => row.status !== 'pending')
    .map(({ seq, finished_at }) => ({ seq, at: finished_at?.getTime() ?? Number.MAX_SAFE_INTEGER }))
    .sort((a, b) => a.at - b.at || a.seq - b.seq)
    .map(({ seq }) => seq)
  let handedOut = 0
  const open = new Set(order)
  const held = new Map<number, () => void>()
  let handing = false
  let waitsForStill = false
  let released = 0

  const advance = () => {
    if (handing) return
    while (handedOut < order.length && !open.has(order[handedOut] ?? -1)) handedOut += 1
    const first = order[handedOut]
    const release = first === undefined ? undefined : held.get(first)
    if (first === undefined || release === undefined) return
    open.delete(first)
    held.delete(first)
    released += 1
    release()
    // The next one only when this one is on its way: who asked first would otherwise be answered first.
    handing = true
    setImmediate(() => {
      handing = false
      advance()
    })
  }
  /** The code waits and has not asked for what ended before: it took another way. */
  const goOn = () => {
    for (let at = handedOut; at < order.length; at += 1) {
      const seq = order[at] ?? -1
      if (held.has(seq)) break
      open.delete(seq)
    }
    advance()
  }
  const goOnWhenStill = async (still: () => Promise<void>) => {
    waitsForStill = true
    while (held.size > 0) {
      const before = released
      await still()
      // What was handed out meanwhile is what it does not wait for any more.
      if (released === before) goOn()
      await new Promise((next) => setImmediate(next))
    }
    waitsForStill = false
  }
  return {
    next: rows.reduce((most, { seq }) => Math.max(most, seq + 1), 0),
    take(place) {
      const entry = own.get(keyOf(place))
      if (entry !== undefined && !entry.taken) {
        entry.taken = true
        return entry.row
      }
      const { print, step } = place
      const earlier = (row: StepRow) => row.attempt < attempt
      return shelfOf(`${step ?? ''} ${print}`).take(earlier) ?? shelfOf(print).take(earlier)
    },
    skipWithin(step) {
      for (const entry of parts.get(step) ?? []) {
        if (entry.taken) continue
        entry.taken = true
        open.delete(entry.row.seq)
      }
      advance()
    },
    turnOf(row, still) {
      // Its turn went by while the code did not ask for it.
      if (!open.has(row.seq)) return Promise.resolve()
      const handed = new Promise<void>((resolve) => held.set(row.seq, resolve))
      advance()
      if (held.size > 0 && !waitsForStill) void goOnWhenStill(still)
      return handed
    },
  }
}
