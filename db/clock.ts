/** How often the clock is set anew. */
const SET_EVERY_MS = 3_000
/** What comes of asking is no more exact than this: so small a step back is not taken, for time does not run backwards. */
const SMALL_MS = 500

export interface DatabaseClock {
  /**
   * The database's time in milliseconds since 1970, as this process knows it. It is the same for all processes, whatever
   * the clocks of their machines say: only what has passed since the database was asked is measured here.
   */
  now(): number
  stop(): void
}

/**
 * Follows the clock of the database.
 * @param ask gives its time
 */
export async function followClock(ask: () => Promise<number>): Promise<DatabaseClock> {
  let offset = 0
  const set = async () => {
    const asked = performance.now()
    const told = await ask()
    const found = told - (asked + performance.now()) / 2
    if (found > offset || found < offset - SMALL_MS) offset = found
  }
  await set()
  // While the database is away the clock goes on from where it was set last.
  const timer = setInterval(() => set().catch(() => undefined), SET_EVERY_MS).unref()
  return { now: () => performance.now() + offset, stop: () => clearInterval(timer) }
}
