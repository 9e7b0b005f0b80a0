import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readGivenFile } from '../demo/program.ts'
import type { Report } from './records.ts'
import { percent } from './report/text.ts'

/** Keeps a report with the earlier ones. @returns the file */
export function keep(report: Report, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const named = [report.startedAt.replace(/[:.]/g, '-'), report.suite, report.policy, report.model]
  const name = named.filter((part) => part !== undefined).map((part) => part.replace(/[^\w.-]+/g, '_'))
  const file = join(folder, `${name.join('~')}.json`)
  writeFileSync(file, `${JSON.stringify(report)}\n`)
  return file
}

/** The reports kept of a suite, or of all, oldest first. Files that are no reports are named in `strange`. */
export function kept(folder: string, suite?: string): { reports: Report[]; strange: string[] } {
  const strange: string[] = []
  const reports = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const report = readReport(join(folder, file))
      if (report === undefined) strange.push(file)
      return report === undefined ? [] : [report]
    })
    .filter((report) => suite === undefined || report.suite === suite)
  return { reports: reports.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt)), strange }
}

/** @returns undefined: the file holds no report of this format */
export function readReport(file: string): Report | undefined {
  try {
    const report = JSON.parse(readGivenFile(file)) as Report
    return report.format === 'patchbay.eval/2' ? report : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** A line for each report: when, what, and how it did. */
export const historyText = (reports: readonly Report[]): string =>
  reports
    .map(({ startedAt, suite, policy, model, seed, trials, total, invalid }) =>
      [
        startedAt.slice(0, 16).replace('T', ' '),
        suite.padEnd(18),
        [policy, model].filter((part) => part !== undefined).join(' '),
        `seed ${seed}`,
        ...(trials > 1 ? [`${trials} trials`] : []),
        `${total.passed}/${total.total} ${percent(total.rate)} (${percent(total.low)} – ${percent(total.high)})`,
        ...(invalid.length > 0 ? ['NOT VALID'] : []),
      ].join('  '),
    )
    .join('\n')
