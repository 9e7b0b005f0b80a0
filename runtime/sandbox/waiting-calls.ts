import { MAX_WAITING_CALL_BYTES, MAX_WAITING_CALLS } from './protocol.ts'

/**
 * The calls that one execution waits for, counted by its sandbox process and again by the server: the isolate counts
 * them first, and neither takes its word for it.
 */
export interface WaitingCalls {
  /** False: no isolate of ours asks that way. Numbers of calls grow. */
  asked(id: unknown, bytes: number): id is number
  answered(id: number): void
}

export function buildWaitingCalls(): WaitingCalls {
  const waiting = new Map<number, number>()
  let bytesWaiting = 0
  let last = 0
  return {
    asked(id, bytes): id is number {
      if (!Number.isSafeInteger(id) || (id as number) <= last) return false
      if (waiting.size >= MAX_WAITING_CALLS || bytesWaiting + bytes > MAX_WAITING_CALL_BYTES) return false
      last = id as number
      waiting.set(last, bytes)
      bytesWaiting += bytes
      return true
    },
    answered(id) {
      bytesWaiting -= waiting.get(id) ?? 0
      waiting.delete(id)
    },
  }
}
