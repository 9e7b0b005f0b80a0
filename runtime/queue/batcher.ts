export interface Batcher<T, R> {
  /** Resolves with the item's own result once the batch it went with is done; rejects when that batch failed. */
  add(item: T): Promise<R>
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>
}

/**
 * Group commit: items that arrive while a batch is under way go together in the next one, so that many share
 * one transaction; an item that comes alone does not wait for others.
 * @param flush gives one result for each item, in order
 */
export function buildBatcher<T, R>(flush: (items: T[]) => Promise<R[]>, maxItems: number): Batcher<T, R> {
  interface Waiting {
    item: T
    resolve: (result: R) => void
    reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let pump: Promise<void> | undefined

  const run = async () => {
    // One turn of the event loop lets everything that is already on its way join the first batch.
    await new Promise((next) => setImmediate(next))
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      try {
        const results = await flush(batch.map(({ item }) => item))
        batch.forEach(({ resolve }, index) => {
          resolve(results[index] as R)
        })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
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
