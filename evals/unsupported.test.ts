import { expect, test } from 'vitest'
import { unsupportedValues } from './unsupported.ts'

const situation = { connector: 'ledger', order: 'ord-20417' }
const seen = { kind: 'tool' as const, title: 'run_action', output: { id: 'inv_8841', total: 129_900 } }

test('ids, addresses and large numbers that no tool gave are named', () => {
  const answer = 'Invoice inv_9999 of 888000 cents was sent to jo@acme.example, see https://acme.example/inv'
  expect(unsupportedValues({ trajectory: [seen], answer }, situation)).toEqual([
    'inv_9999',
    '888000',
    'jo@acme.example',
    'https://acme.example/inv',
  ])
})

test('what a tool or the task gave, and plain prose, is not', () => {
  const answer = { text: 'Invoice INV_8841 for ord-20417: 129900, in 3 steps, well-known.', count: 17 }
  expect(unsupportedValues({ trajectory: [seen], answer }, situation)).toEqual([])
})

test('what a model said itself is no source', () => {
  const said = { kind: 'model' as const, title: 'm', output: 'inv_7777' }
  expect(unsupportedValues({ trajectory: [said], answer: 'inv_7777' }, situation)).toEqual(['inv_7777'])
})
