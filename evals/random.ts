/** Chance that repeats: the same seed gives the same series on every machine. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number
  /** One of the list; undefined when it is empty. */
  pick<T>(list: readonly T[]): T | undefined
  shuffled<T>(list: readonly T[]): T[]
}

/** A series of its own for each seed and each text (mulberry32 over an FNV-1a hash). */
export function buildRandom(seed: number, text = ''): Random {
  // The seed is in the text only: mixed in here as well, a digit would cancel itself out.
  let state = 0x811c9dc5 | 0
  for (const character of `${seed} ${text}`)
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    pick: (list) => list[Math.floor(next() * list.length)],
    shuffled(list) {
      const rest = [...list]
      for (let index = rest.length - 1; index > 0; index -= 1) {
        const other = Math.floor(next() * (index + 1))
        const [a, b] = [rest[index], rest[other]]
        if (a !== undefined && b !== undefined) [rest[index], rest[other]] = [b, a]
      }
      return rest
    },
  }
}
