import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Measurement, measureAll, measurements } from './all.ts'
import { writeFolder } from './report/folder.ts'
import { suites } from './suites/index.ts'

test('every suite is measured', () => {
  expect(new Set(measurements.map(({ suite }) => suite))).toEqual(new Set(suites.map(({ name }) => name)))
})

test('a suite is measured beside its oracle, nothing and its baseline; a score below what is known is a fault', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-all-'))
  const given: Measurement = {
    ...{ suite: 'build-connector-from-docs', policy: 'deterministic', count: 1, sample: 'one' },
    ...{ settings: { specs: 'ledger' }, atLeast: 1 },
  }
  try {
    const all = await measureAll({
      ...{ seed: 1, measurements: [given], note: () => {} },
      done: (measured) => writeFolder(folder, measured),
    })
    expect(all[0]?.report.beside.map(({ policy, total }) => [policy, total.passed, total.total])).toEqual([
      ['nothing', 0, 1],
      ['oracle', 1, 1],
    ])
    expect(all[0]?.faults).toEqual([expect.stringMatching(/^deterministic passed 0 of 1 .*known are 100/)])
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toMatch('1 thing is not as known')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 300_000)
