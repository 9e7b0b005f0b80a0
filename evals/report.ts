import type { Report } from './runner.ts'
import type { Rate } from './statistics.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const row = (name: string, { passed, total, rate, low, high }: Rate): string =>
  `  ${name.padEnd(24)}${`${passed}/${total}`.padStart(9)}${percent(rate).padStart(10)}   ${percent(low)} – ${percent(high)}`

/** A report as a terminal shows it: rates with their 95 % confidence intervals (Wilson). */
export function reportText(report: Report): string {
  const failed = report.tasks.filter(({ passed }) => !passed)
  return [
    `${report.suite}, policy ${report.policy}, seed ${report.seed}${Object.entries(report.settings)
      .map(([name, value]) => `, ${name} ${value}`)
      .join('')}`,
    row('all', report.total),
    'by class',
    ...Object.entries(report.byClass).map(([name, rate]) => row(name, rate)),
    'by environment',
    ...Object.entries(report.byEnvironment).map(([name, rate]) => row(name, rate)),
    `regressions ${report.regressions}, steps ${report.steps}, tool errors ${report.toolErrors}, tokens ${report.tokens}, ${report.seconds.toFixed(0)} s${report.outOfTime ? ' (out of time: not all tasks were done)' : ''}`,
    ...(failed.length === 0 || report.policy === 'nothing' ? [] : ['first failures']),
    ...(report.policy === 'nothing' ? [] : failed)
      .slice(0, 10)
      .map(({ id, problems, regressions }) =>
        `  ${id}: ${[...problems, ...regressions].join('; ')}`.slice(0, 300),
      ),
  ].join('\n')
}
