import { isDeepStrictEqual } from 'node:util'

/** What differs between two states, by name. */
export const changesIn = (before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .map((name) => `${name} changed`)
