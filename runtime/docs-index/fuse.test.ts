import { expect, test } from 'vitest'
import { firstOfEach, fuseRankings } from './fuse.ts'

test('what two rankings put near their top comes before what one puts first', () => {
  const fused = fuseRankings([
    ['a', 'both', 'b'],
    ['c', 'both', 'd'],
  ])
  expect(fused).toEqual(['both', 'a', 'c', 'b', 'd'])
})

test('a section that fills the first places makes room for others, and nothing is lost', () => {
  expect(firstOfEach(['a1', 'a2', 'a3', 'b1', 'c1', 'b2'], ([section = '']) => section)).toEqual([
    'a1',
    'b1',
    'c1',
    'a2',
    'a3',
    'b2',
  ])
})
