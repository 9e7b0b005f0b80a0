import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measured } from '../all.ts'
import { reportHtml } from './html.ts'
import { indexHtml } from './index-page.ts'

/** The name of a report's files, without their ending. */
export const fileOf = ({ report }: Pick<Measured, 'report'>): string =>
  `${report.suite}-${report.policy}`.replace(/[^\w-]+/g, '_')

/** Writes a page and a JSON of the last, and `index.html` and `index.json` over all. */
export function writeFolder(folder: string, all: readonly Measured[]): void {
  mkdirSync(folder, { recursive: true })
  const last = all.at(-1)
  if (last !== undefined) {
    writeFileSync(join(folder, `${fileOf(last)}.json`), `${JSON.stringify(last.report, null, 1)}\n`)
    writeFileSync(join(folder, `${fileOf(last)}.html`), reportHtml(last.report, { index: 'index.html' }))
  }
  writeFileSync(join(folder, 'index.json'), `${JSON.stringify(indexJson(all), null, 1)}\n`)
  writeFileSync(join(folder, 'index.html'), indexHtml(all))
}

/** What the index says, for programs. */
const indexJson = (all: readonly Measured[]) => ({
  format: 'patchbay.evals/1',
  faults: all.flatMap(({ faults }) => faults).length,
  measurements: all.map((one) => {
    const { report, measurement, faults } = one
    const { suite, policy, model, seed, settings, total, regressions, seconds, beside } = report
    return {
      ...{ file: `${fileOf(one)}.json`, suite, policy, model, seed, settings, sample: measurement.sample },
      ...{ total, regressions, seconds, faults, atLeast: measurement.atLeast },
      beside: beside.map((score) => ({
        ...{ policy: score.policy, total: score.total },
        ...{ regressions: score.regressions, seconds: score.seconds },
      })),
    }
  }),
})
