/** How many may run at once in this process; the others wait in the order they came. */
export interface Slots {
  /**
   * Resolves to true when a place is had, which {@link Slots.leave} gives back; to false when there are to be none any
   * more, or none was had within `ms`.
   */
  take(ms?: number): Promise<boolean>
  leave(): void
  /** Those who wait in {@link Slots.take}. */
  waiting(): number
  /** Does somebody wait in {@link Slots.someFree}? */
  wanted(): boolean
  /** Resolves when there is a place nobody has, or there are to be none any more. */
  someFree(): Promise<void>
  /** Places nobody has; 0 also when there are to be none any more. */
  free(): number
  /** Sends away everyone who waits and whoever comes later. */
  close(): void
}

export function buildSlots(limit: number): Slots {
  const waiting = new Set<(had: boolean) => void>()
  const watching = new Set<() => void>()
  let taken = 0
  let closed = false

  const wait = (ms: number | undefined): Promise<boolean> =>
    new Promise((resolve) => {
      const settle = (had: boolean) => {
        clearTimeout(timer)
        waiting.delete(settle)
        resolve(had)
      }
      const timer = ms === undefined ? undefined : setTimeout(() => settle(false), ms)
      waiting.add(settle)
    })

  const tell = () => {
    for (const resolve of watching) resolve()
    watching.clear()
  }

  return {
    take: async (ms) => {
      if (closed) return false
      if (taken >= limit) return wait(ms)
      taken += 1
      return true
    },
    leave: () => {
      const [next] = waiting
      if (next !== undefined) return next(true)
      taken -= 1
      tell()
    },
    waiting: () => waiting.size,
    wanted: () => watching.size > 0,
    someFree: async () => {
      if (!closed && taken >= limit) await new Promise<void>((resolve) => watching.add(resolve))
    },
    free: () => (closed ? 0 : limit - taken),
    close: () => {
      closed = true
      for (const settle of [...waiting]) settle(false)
      tell()
    },
  }
}
