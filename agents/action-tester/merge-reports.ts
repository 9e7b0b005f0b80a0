import type { TestReport } from '../../runtime/connectors/test/report.ts'

/** The reports of tests of parts of one connector, as one; undefined: there are none. */
export function mergeReports(reports: readonly TestReport[]): TestReport | undefined {
  const [first] = reports
  if (first === undefined) return undefined
  const sum = (of: (report: TestReport) => number) => reports.reduce((all, one) => all + of(one), 0)
  return {
    ...first,
    counts: {
      passed: sum(({ counts }) => counts.passed),
      failed: sum(({ counts }) => counts.failed),
      skipped: sum(({ counts }) => counts.skipped),
    },
    calls: sum(({ calls }) => calls),
    durationMs: Math.max(...reports.map(({ durationMs }) => durationMs)),
    stopped: reports.find(({ stopped }) => stopped !== null)?.stopped ?? null,
    actions: reports.flatMap(({ actions }) => actions),
    support: reports.flatMap(({ support }) => support),
    cleanup: {
      deleted: reports.flatMap(({ cleanup }) => cleanup.deleted),
      left: reports.flatMap(({ cleanup }) => cleanup.left),
    },
  }
}
