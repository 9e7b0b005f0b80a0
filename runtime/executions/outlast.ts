import { isDatabaseAway } from '../../db/database.ts'
import type { Effect } from './bridge.ts'

const AGAIN_MS = 1_000

/** Calls that leave the same when they are made twice, for it may not be known whether the first one was committed. */
const REPEATABLE = /^(state|cache|config|db|secrets)\.|^files\.(read|info|delete)$|^textfiles\./

/**
 * Does it again while the database is away, until `signal` says that nobody waits any more.
 * @param work told whether it was tried before
 * @param mayRepeat asked after a failure
 */
export async function outlast<T>(
  work: (again: boolean) => Promise<T>,
  signal: AbortSignal,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  for (let again = false; ; again = true) {
    try {
      return await work(again)
    } catch (error) {
      if (signal.aborted || !isDatabaseAway(error) || !mayRepeat()) throw error
      await new Promise((next) => setTimeout(next, AGAIN_MS))
      if (signal.aborted) throw error
    }
  }
}

/**
 * Calls that wait for a database that is away, in place of failing the workflow for it: those that may be made twice,
 * and those to apps as long as nothing was sent.
 */
export const outlasting =
  (effect: Effect): Effect =>
  (call, signal, key, beforeSend) => {
    let sent = false
    const noted = async () => {
      await beforeSend()
      sent = true
    }
    const mayRepeat = () => REPEATABLE.test(call.name) || (call.name.startsWith('connectors.') && !sent)
    return outlast(() => effect(call, signal, key, noted), signal, mayRepeat)
  }
