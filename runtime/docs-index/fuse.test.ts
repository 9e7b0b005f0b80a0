import { expect, test } from 'vitest'
import { firstOfEach, fuseRankings } from './fuse.ts'

test('what two rankings put near their top comes before what one puts first', () => {
  const rankings = [
    { ids: ['a', 'both', 'b'], weight: 1 },
    { ids: ['c', 'both', 'd'], weight: 1 },
  ]
  expect(fuseRankings(rankings)[0]).toBe('both')
})

test('where rankings disagree, the one that counts more decides', () => {
  const fused = (weight: number) =>
    fuseRankings([
      { ids: ['words'], weight: 1 },
      { ids: ['meaning'], weight },
    ])
  expect(fused(0.7)).toEqual(['words', 'meaning'])
  expect(fused(1.5)).toEqual(['meaning', 'words'])
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
