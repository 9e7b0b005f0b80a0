import { createHash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'
import type { Json } from '../../core/json.ts'
import type { StepRow } from '../../db/execution-steps.ts'

const stable = configure({ deterministic: true, bigint: false })

/** Recognizes a call when the code makes it again: by what is called, with which arguments. */
export function fingerprint(kind: string, name: string, args: Json): string {
  return createHash('sha256')
    .update(`${kind}\0${name}\0${stable(args) ?? 'null'}`)
    .digest('base64url')
    .slice(0, 22)
}

/** What earlier runs of an execution recorded, to be taken by the calls that are made again. */
export interface StepRecord {
  /** The first that is left of calls like this, in the order they ended. */
  take(fingerprint: string): StepRow | undefined
  /** Leaves out what a step did that is not repeated. */
  skipWithin(step: string): void
  /** Resolves when what ended before this has been handed out too, so that races end as they did. */
  turnOf(row: StepRow): Promise<void>
  /** The place of the next thing recorded. */
  next: number
}

/**
 * How long an answer is held back for one that came before it and has not been asked for. The code has to reach
 * that call first, which takes it no more than moments; code that changed may never ask.
 */
const HELD_MS = 10

export function buildRecord(rows: readonly StepRow[]): StepRecord {
  const left = new Map<string, StepRow[]>()
  for (const row of rows) {
    const same = left.get(row.fingerprint)
    if (same === undefined) left.set(row.fingerprint, [row])
    else same.push(row)
  }
  /** Those that ended and were not handed out, in the order they were; what no run took note of comes last. */
  const undelivered = rows
    .filter((row) => row.status !== 'pending')
    .map(({ seq, finished_at }) => ({ seq, at: finished_at?.getTime() ?? Number.MAX_SAFE_INTEGER }))
    .sort((a, b) => a.at - b.at || a.seq - b.seq)
    .map(({ seq }) => seq)
  const held = new Map<number, () => void>()

  const advance = () => {
    for (;;) {
      const [first] = undelivered
      const release = first === undefined ? undefined : held.get(first)
      if (first === undefined || release === undefined) return
      undelivered.shift()
      held.delete(first)
      release()
    }
  }
  const drop = (seqs: ReadonlySet<number>) => {
    for (let at = undelivered.length - 1; at >= 0; at -= 1) {
      if (seqs.has(undelivered[at] ?? -1)) undelivered.splice(at, 1)
    }
    advance()
  }

  return {
    next: rows.reduce((most, { seq }) => Math.max(most, seq + 1), 0),
    take(print) {
      return left.get(print)?.shift()
    },
    skipWithin(step) {
      const gone = new Set<number>()
      for (const [print, same] of left) {
        const kept = same.filter(({ within }) => within !== step && within?.startsWith(`${step}/`) !== true)
        if (kept.length === same.length) continue
        for (const row of same) if (!kept.includes(row)) gone.add(row.seq)
        left.set(print, kept)
      }
      if (gone.size > 0) drop(gone)
    },
    turnOf(row) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          if (held.delete(row.seq)) drop(new Set([row.seq]))
          resolve()
        }, HELD_MS)
        held.set(row.seq, () => {
          clearTimeout(timer)
          resolve()
        })
        advance()
      })
    },
  }
}
