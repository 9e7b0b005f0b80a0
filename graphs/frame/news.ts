/** A notification that got lost is made up for by looking, this often. */
const LOOK_EVERY_MS = 1_000

export interface Coming {
  /** Resolves with the next news since it was asked for, or when the time is up, or now and then to look. */
  within(ms: number, signal: AbortSignal): Promise<void>
  forget(): void
}

export type News = ReturnType<typeof buildNews>

/** Who waits for news of which run. */
export function buildNews() {
  const waiting = new Map<string, Set<() => void>>()
  return {
    /** @param id null: of any run */
    tell: (id: string | null) => {
      const sets = id === null ? [...waiting.values()] : [waiting.get(id) ?? []]
      for (const wake of sets.flatMap((set) => [...set])) wake()
    },
    next: (id: string): Coming => {
      let wake = () => {}
      const came = new Promise<void>((resolve) => {
        wake = resolve
      })
      const mine = waiting.get(id) ?? new Set()
      waiting.set(id, mine.add(wake))
      const forget = () => {
        mine.delete(wake)
        if (mine.size === 0 && waiting.get(id) === mine) waiting.delete(id)
      }
      return {
        forget,
        within: async (ms, signal) => {
          const timer = setTimeout(wake, Math.min(ms, LOOK_EVERY_MS))
          signal.addEventListener('abort', wake, { once: true })
          if (signal.aborted) wake()
          try {
            await came
          } finally {
            clearTimeout(timer)
            signal.removeEventListener('abort', wake)
            forget()
          }
        },
      }
    },
  }
}
