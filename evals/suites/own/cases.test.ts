import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Case, problemsOf, readCases } from './cases.ts'

const expecting = (expect: object) => Case.parse({ id: 'TC-01', expect })
const ended = (output: unknown) => ({ status: 'completed', output })

test('an output is looked into by path, and near misses fail', () => {
  const test = expecting({
    output: [
      { path: 'created', op: 'at_least', value: 2 },
      { path: 'lines[1].sku', op: 'equals', value: 'A-2' },
      { path: 'errors', op: 'absent' },
      { path: 'tags', op: 'contains', value: 'paid' },
    ],
  })
  const good = { created: 2, lines: [{}, { sku: 'A-2' }], tags: ['paid'] }
  expect(problemsOf(test, ended(good))).toEqual([])
  expect(problemsOf(test, ended({ ...good, created: 1 }))).toEqual(['created: expected at_least 2, is 1'])
  expect(problemsOf(test, ended({ ...good, created: '2' }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, lines: [{ sku: 'A-2' }] }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, errors: null }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, tags: 'unpaid, paid?' }))).toEqual([])
  expect(problemsOf(test, ended(null))).toHaveLength(3)
})

test('an output has to fit its schema, and a run that ends otherwise than expected fails whatever it gave', () => {
  const test = expecting({ schema: { type: 'object', required: ['id'] } })
  expect(problemsOf(test, ended({ id: 1 }))).toEqual([])
  expect(problemsOf(test, ended({}))[0]).toMatch('does not fit its schema')
  expect(problemsOf(test, { status: 'failed', output: { id: 1 }, error: 'no' })[0]).toMatch('is failed')
  expect(problemsOf(expecting({ status: 'failed' }), { status: 'failed' })).toEqual([])
})

test('cases that judge nothing, ask for mocks, or share an id are refused by name', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'cases-')), 'cases.json')
  const read = (value: unknown) => {
    writeFileSync(file, JSON.stringify(value))
    return () => readCases(file)
  }
  expect(read([{ id: 'a', expect: {} }])).toThrow('a run completes is no end state')
  const good = { id: 'a', expect: { output: [{ path: '', op: 'exists' }] } }
  expect(read([{ ...good, mode: 'mock' }])).toThrow('cannot be mocked')
  expect(read([good, good])).toThrow('two cases with the id a')
  expect(read({ testCases: [good] })()).toHaveLength(1)
})
