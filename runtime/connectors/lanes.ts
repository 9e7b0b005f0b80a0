import { AppError } from '../../core/errors.ts'

interface Lane {
  running: number
  waiting: Set<() => void>
}

/** Takes turns on lanes: at most so many at once on each, the others in the order they came. */
export interface Lanes {
  /**
   * Waits for a turn.
   * @returns what gives the turn to the next; calling it again does nothing
   * @throws AppError `cancelled` when the signal aborts first, `timeout` when `timeoutMs` are over
   */
  enter(lane: string, limit: number, timeoutMs: number, signal?: AbortSignal): Promise<() => void>
  /** How many run and wait on a lane now. */
  load(lane: string): { running: number; waiting: number }
}

/** Lanes of one process. A lane nobody is on takes no memory. */
export function buildLanes(): Lanes {
  const lanes = new Map<string, Lane>()

  const leave = (name: string, lane: Lane) => {
    const [next] = lane.waiting
    if (next !== undefined) {
      lane.waiting.delete(next)
      next() // the turn passes on: `running` stays
      return
    }
    lane.running -= 1
    if (lane.running === 0) lanes.delete(name)
  }

  return {
    enter: async (name, limit, timeoutMs, signal) => {
      if (signal?.aborted === true) throw cancelled()
      const lane = lanes.get(name) ?? { running: 0, waiting: new Set() }
      lanes.set(name, lane)
      if (lane.running < limit && lane.waiting.size === 0) lane.running += 1
      else {
        await new Promise<void>((resolve, reject) => {
          const settle = () => {
            clearTimeout(timer)
            signal?.removeEventListener('abort', giveUp)
          }
          const turn = () => {
            settle()
            resolve()
          }
          const giveUp = () => {
            settle()
            lane.waiting.delete(turn)
            reject(signal?.aborted === true ? cancelled() : noTurn(name, limit))
          }
          const timer = setTimeout(giveUp, timeoutMs)
          lane.waiting.add(turn)
          signal?.addEventListener('abort', giveUp, { once: true })
        })
      }
      let left = false
      return () => {
        if (!left) leave(name, lane)
        left = true
      }
    },
    load: (name) => {
      const lane = lanes.get(name)
      return { running: lane?.running ?? 0, waiting: lane?.waiting.size ?? 0 }
    },
  }
}

const cancelled = () => new AppError('cancelled', 'The call was cancelled while it waited for its turn.')

const noTurn = (lane: string, limit: number) =>
  new AppError('timeout', `No turn came in time: ${limit} others were under way.`, {
    hint: 'Call less at once, allow more time, or raise the connector’s concurrency.',
    data: { concurrency: limit, lane },
  })
