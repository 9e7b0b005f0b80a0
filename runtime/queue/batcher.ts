import { AppError } from '../../core/errors.ts'

/** How long a batch waits for more items while they come together. */
const GATHER_MS = 4

export interface Batcher<T, R> {
  /** Resolves with the item's own result once the batch it went with is done; rejects when the item cannot be flushed. */
  add(item: T): Promise<R>
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>
}

/**
 * Group commit: items that arrive while a batch is under way go together in the next one, so that many share
 * one transaction. An item that comes alone does not wait for others; while items come together, a batch waits a
 * few milliseconds for more. A batch that fails is tried again one by one, so that an item that cannot be kept fails
 * alone: the others may be another tenant's.
 * @param flush gives one result for each item, in order; when it rejects it has done nothing
 */
export function buildBatcher<T, R>(flush: (items: T[]) => Promise<R[]>, maxItems: number): Batcher<T, R> {
  interface Waiting {
    item: T
    resolve: (result: R) => void
    reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let pump: Promise<void> | undefined
  /** Did the last batch hold more than one item? */
  let together = false

  const flushAll = async (batch: Waiting[]): Promise<void> => {
    try {
      const results = await flush(batch.map(({ item }) => item))
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as R)
      })
    } catch (error) {
      // A database that is away is away for each of them.
      const alone = batch.length > 1 && !(error instanceof AppError && error.code === 'unavailable')
      if (alone) for (const one of batch) await flushAll([one])
      else for (const { reject } of batch) reject(error)
    }
  }

  const run = async () => {
    // One turn of the event loop lets everything that is already on its way join the first batch.
    await new Promise((next) => setImmediate(next))
    while (waiting.length > 0) {
      // Where items come together, waiting a little for more of them saves more than it costs.
      if (together) await new Promise((next) => setTimeout(next, GATHER_MS))
      const batch = waiting.slice(0, maxItems)
      together = batch.length > 1
      waiting = waiting.slice(maxItems)
      await flushAll(batch)
    }
    pump = undefined
  }

  return {
    add: (item) =>
      new Promise<R>((resolve, reject) => {
        waiting.push({ item, resolve, reject })
        pump ??= run()
      }),
    idle: async () => {
      while (pump !== undefined) await pump
    },
  }
}
