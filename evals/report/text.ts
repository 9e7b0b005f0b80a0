import type { Report, Score } from '../records.ts'
import type { Rate } from '../statistics.ts'

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const row = (name: string, { passed, total, rate, low, high }: Rate): string =>
  `  ${name.padEnd(24)}${`${passed}/${total}`.padStart(9)}${percent(rate).padStart(10)}   ${percent(low)} – ${percent(high)}`

/** What was run, in one line. */
export const headingOf = (report: Report): string =>
  [
    `${report.suite}, policy ${report.policy}`,
    ...(report.model === undefined ? [] : [`model ${report.model}`]),
    `seed ${report.seed}`,
    ...(report.trials > 1 ? [`${report.trials} trials of each task`] : []),
    ...Object.entries(report.settings).map(([name, value]) => `${name} ${value}`),
  ].join(', ')

/** What it took, in one line. */
export const costsOf = (score: Score): string =>
  [
    `regressions ${score.regressions}`,
    `steps ${score.steps}`,
    `tool errors ${score.toolErrors}`,
    `tokens ${score.tokens}`,
    ...(score.money > 0 ? [`${score.money.toFixed(4)} USD`] : []),
    `${score.seconds.toFixed(0)} s`,
  ].join(', ')

const MAX_FAILURES = 10
const MAX_FAILURE_CHARS = 300

const leftOutOf = ({ leftOut = [] }: Report): string[] =>
  leftOut.length === 0 ? [] : ['left out', ...leftOut.map((one) => `  ${one}`.slice(0, MAX_FAILURE_CHARS))]

/** A report as a terminal shows it: rates with their 95 % confidence intervals (Wilson). */
export function reportText(report: Report): string {
  const failed = report.policy === 'nothing' ? [] : report.tasks.filter(({ passed }) => !passed)
  return [
    headingOf(report),
    row(report.trials > 1 ? 'pass@1' : 'all', report.total),
    ...report.passHat
      .slice(1)
      .map((rate, index) => row(`pass^${index + 2}`, { ...rate, passed: Number(rate.passed.toFixed(1)) })),
    ...report.beside.map((score) => row(`beside: ${score.policy}`, score.total)),
    'by class',
    ...Object.entries(report.byClass).map(([name, rate]) => row(name, rate)),
    'by environment',
    ...Object.entries(report.byEnvironment).map(([name, rate]) => row(name, rate)),
    `${costsOf(report)}${report.outOfTime ? ' (out of time: not all tasks were done)' : ''}`,
    ...(report.unsupported > 0
      ? [`${report.unsupported} tasks with an answer that holds data no tool gave`]
      : []),
    ...leftOutOf(report),
    ...report.invalid.map((reason) => `NOT VALID: ${reason}`),
    ...(failed.length === 0 ? [] : ['first failures']),
    ...failed
      .slice(0, MAX_FAILURES)
      .map(({ id, problems, regressions }) =>
        `  ${id}: ${[...problems, ...regressions].join('; ')}`.slice(0, MAX_FAILURE_CHARS),
      ),
  ].join('\n')
}
