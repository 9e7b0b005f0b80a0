/** How many may run at once in this process; the others wait in the order they came. */
export interface Slots {
  /** Resolves to true when a place is had, which {@link Slots.leave} gives back; to false when there are to be none any more. */
  take(): Promise<boolean>
  leave(): void
  /** Sends away everyone who waits and whoever comes later. */
  close(): void
}

export function buildSlots(limit: number): Slots {
  const waiting: ((had: boolean) => void)[] = []
  let taken = 0
  let closed = false
  return {
    take: async () => {
      if (closed) return false
      if (taken >= limit) return new Promise((resolve) => waiting.push(resolve))
      taken += 1
      return true
    },
    leave: () => {
      const next = waiting.shift()
      if (next === undefined) taken -= 1
      else next(true)
    },
    close: () => {
      closed = true
      for (const resolve of waiting.splice(0)) resolve(false)
    },
  }
}
