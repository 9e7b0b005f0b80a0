import { expect, test } from 'vitest'
import { shortOf } from './check-action.ts'

const right = {
  sent: ['query.limit', 'body.name'],
  warnings: ['output.id must be string'],
  collects: true as const,
}

test('what does all that the correct action did is not short of it, and may do more', () => {
  expect(shortOf(right, right)).toEqual([])
  expect(shortOf({ ...right, sent: [...right.sent, 'query.page'] }, right)).toEqual([])
})

test('near misses are told: a parameter dropped, a schema that lets everything pass, pages that end early', () => {
  expect(shortOf({ ...right, sent: ['body.name'] }, right)).toEqual(['it no longer sends query.limit'])
  expect(shortOf({ ...right, warnings: [] }, right)).toEqual(['a wrong answer is not told as it was'])
  const { collects: _none, ...short } = right
  expect(shortOf(short, right)).toEqual(['its pages do not lead to all items'])
})
