import { expect, test } from 'vitest'
import { buildRandom } from './random.ts'

test('each seed and each text has a series of its own, the same every time', () => {
  const series = (seed: number, text = '') => {
    const random = buildRandom(seed, text)
    return Array.from({ length: 4 }, () => random.next()).join()
  }
  const seeds = Array.from({ length: 200 }, (_, seed) => series(seed))
  expect(new Set(seeds).size).toBe(200)
  expect(series(3)).toBe(seeds[3])
  expect(series(3, 'plan')).not.toBe(seeds[3])
})
