import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { faultsOf, type Measured, type Measurement } from '../all.ts'
import { type Report, taskRecord, totalsOf } from '../records.ts'
import { withReferences } from '../valid.ts'
import { writeFolder } from './folder.ts'

const HOSTILE = `</td><script>alert(1)</script><img src=x onerror="alert('2')"> & ‮ reversed`

interface Outcome {
  passed: boolean
  regressions: number
}

function reportOf(policy: string, outcomes: readonly Outcome[], suite = 'fix-action'): Report {
  const tasks = outcomes.map(({ passed, regressions }, number) =>
    taskRecord({ id: `${number} ${HOSTILE}`, class: 'any', environment: number === 0 ? 'first' : 'other' }, [
      {
        ...{ passed, problems: passed ? [] : [HOSTILE], unsupported: [], trajectory: [] },
        regressions: Array.from({ length: regressions }, (_, index) => `${index} ${HOSTILE}`),
        ...{ seconds: 0.5, steps: 1, toolErrors: 0, tokens: 0, money: 0 },
      },
    ]),
  )
  return {
    ...{ format: 'patchbay.eval/2', suite, policy, seed: 1, trials: 1, settings: {}, notes: {} },
    ...{ startedAt: '2026-11-30T00:00:00Z', seconds: outcomes.length / 2, outOfTime: false, tasks },
    ...{ beside: [], invalid: [], fixturesChanged: [], ...totalsOf(tasks, 1) },
  }
}

const all = (passed: boolean, count: number): Outcome[] =>
  Array.from({ length: count }, () => ({ passed, regressions: 0 }))

const measurement: Measurement = {
  ...{ suite: 'fix-action', policy: 'deterministic', count: 3, sample: HOSTILE, atLeast: 1 },
}

function measured(report: Report, given: Measurement = measurement): Measured {
  const count = report.tasks.length
  const beside = [reportOf('nothing', all(false, count)), reportOf('oracle', all(true, count))]
  const whole = withReferences(report, beside)
  return { measurement: given, description: HOSTILE, report: whole, faults: faultsOf(whole, given) }
}

/** What a reader finds in the rows of the index: by policy, in their order. */
const rowsOf = (html: string) =>
  [
    ...html.matchAll(
      /data-policy="([^"]*)".*?data-label="tasks">(\d+)\/(\d+)<.*?data-label="pass@1">([\d.]+) %.*?data-label="regressions">(\d+)</g,
    ),
  ].map(([, policy, passed, total, rate, regressions]) => ({
    ...{ policy, passed: Number(passed), total: Number(total), rate, regressions: Number(regressions) },
  }))

function inFolder<T>(given: readonly Measured[], look: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-report-'))
  try {
    for (let count = 1; count <= given.length; count += 1) writeFolder(folder, given.slice(0, count))
    return look(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('the index tells the truth: its counts are those of the JSON beside it, whatever came out', () => {
  const outcomes = fc.array(fc.record({ passed: fc.boolean(), regressions: fc.nat(3) }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(outcomes, { minLength: 1, maxLength: 3 }), (several) => {
      const given = several.map((one, number) => measured(reportOf('deterministic', one, `suite-${number}`)))
      inFolder(given, (folder) => {
        const html = readFileSync(join(folder, 'index.html'), 'utf8')
        const files = readdirSync(folder).filter((file) => /^suite-.*\.json$/.test(file))
        expect(files.length).toBe(several.length)
        const truth = files.toSorted().flatMap((file) => {
          const { tasks, beside, policy } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report
          const passed = tasks.filter((task) => task.passed).length
          const regressions = tasks.flatMap(({ trials }) => trials.flatMap((trial) => trial.regressions))
          return [
            { policy, passed, total: tasks.length, regressions: regressions.length },
            ...beside.map((score) => ({
              ...{ policy: score.policy, passed: score.total.passed, total: score.total.total },
              regressions: score.regressions,
            })),
          ]
        })
        expect(rowsOf(html)).toEqual(
          truth.map((one) => ({ ...one, rate: ((one.passed / one.total) * 100).toFixed(1) })),
        )
        const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
        expect(index.measurements.map(({ total }: Report) => [total.passed, total.total])).toEqual(
          several.map((one) => [one.filter(({ passed }) => passed).length, one.length]),
        )
      })
    }),
    { numRuns: 30 },
  )
})

test('what is not as known stands above everything else, and otherwise it says that all is', () => {
  const good = measured(reportOf('deterministic', all(true, 3)))
  const bad = measured(reportOf('deterministic', [...all(true, 2), { passed: false, regressions: 2 }]))
  expect(good.faults).toEqual([])
  expect(bad.faults).toEqual([
    expect.stringMatching(/^deterministic passed 2 of 3 \(66\.7 %\)/),
    expect.stringMatching(/^deterministic did harm in 2 /),
  ])
  const read = (given: Measured) =>
    inFolder([given], (folder) => readFileSync(join(folder, 'index.html'), 'utf8'))
  expect(read(good)).toMatch('Everything is as it is known to be.')
  const page = read(bad)
  expect(page).not.toMatch('Everything is as')
  expect(page.indexOf('2 things are not as known')).toBeGreaterThan(0)
  expect(page.indexOf('2 things are not as known')).toBeLessThan(page.indexOf('<main>'))
})

test('an oracle below 100 %, a nothing above 0 % and a run out of time are faults; what is known to fail is none', () => {
  const report = reportOf('deterministic', all(true, 3))
  const oracle = reportOf('oracle', [{ passed: false, regressions: 0 }, ...all(true, 2)])
  const nothing = reportOf('nothing', [{ passed: true, regressions: 0 }, ...all(false, 2)])
  expect(faultsOf(withReferences(report, [oracle]), measurement)).toEqual([
    expect.stringMatching(/^oracle scored 2 of 3, and has to score 100 %/),
  ])
  expect(faultsOf(withReferences(report, [nothing]), measurement)).toEqual([
    expect.stringMatching(/^nothing scored 1 of 3, and has to score 0 %/),
  ])
  expect(faultsOf({ ...report, outOfTime: true }, measurement)).toEqual([
    expect.stringMatching('ran out of time'),
  ])
  const harmed = reportOf('deterministic', [{ passed: false, regressions: 1 }, ...all(true, 2)])
  expect(faultsOf(harmed, measurement).length).toBe(2)
  expect(faultsOf(harmed, { ...measurement, knownToFail: ['first'] })).toEqual([])
  const everything = { ...measurement, knownToFail: ['first', 'other'] }
  expect(faultsOf(harmed, everything)).toEqual([expect.stringMatching('passed 0 of 0')])
})

test('whatever is hostile is text in the index, and its links lead to files and tasks that are there', () => {
  inFolder([measured(reportOf('deterministic', all(false, 2)))], (folder) => {
    const html = readFileSync(join(folder, 'index.html'), 'utf8')
    expect(html).not.toMatch(/<script|<img|onerror="|‮/)
    const links = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link ?? '')
    expect(links.length).toBeGreaterThan(3)
    for (const link of links) {
      const [file = '', anchor] = link.split('#')
      const page = readFileSync(join(folder, file), 'utf8')
      if (anchor !== undefined) expect(page).toMatch(`id="${anchor}"`)
      expect(page).toMatch('href="index.html"')
    }
  })
})
