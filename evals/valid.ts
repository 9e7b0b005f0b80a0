import type { Report, Score } from './records.ts'

const REFERENCES = { nothing: 0, oracle: 1 } as const

/** Of a report all but the tasks. */
export function scoreOf(report: Report): Score {
  const { policy, trials, seconds, outOfTime, total, passHat, byClass, byEnvironment } = report
  const { regressions, steps, toolErrors, tokens, money, unsupported, fixturesChanged } = report
  return {
    ...{ policy, trials, seconds, outOfTime, total, passHat, byClass, byEnvironment },
    ...{ regressions, steps, toolErrors, tokens, money, unsupported, fixturesChanged },
  }
}

/** Puts the scores of other policies on the same tasks into a report, and says whether its figures are to be trusted. */
export function withReferences(report: Report, others: readonly Report[]): Report {
  const ids = idsOf(report)
  const invalid = [report, ...others].flatMap((one) => [
    ...one.fixturesChanged.map(
      (name) => `after ${one.policy}, the fixture '${name}' was not what it was before`,
    ),
    ...(one.tasks.length === 0 ? [`${one.policy} was given no task`] : []),
    ...(sameTasks(ids, idsOf(one)) ? [] : [`${one.policy} was given other tasks`]),
    ...wrongReference(one),
  ])
  return { ...report, beside: others.map(scoreOf), invalid }
}

function wrongReference({ policy, total, tasks }: Report): string[] {
  if (policy !== 'nothing' && policy !== 'oracle') return []
  if (total.rate === REFERENCES[policy]) return []
  const wrong = tasks.find(({ passed }) => passed !== (policy === 'oracle'))
  return [
    `${policy} scored ${total.passed} of ${total.total}, and has to score ${REFERENCES[policy] * 100} %; first: ${wrong?.id}: ${wrong?.problems.join('; ') ?? ''}`,
  ]
}

const idsOf = ({ tasks }: Report) => tasks.map(({ id }) => id)

/** Up to where the shorter one ran out of time. */
const sameTasks = (a: readonly string[], b: readonly string[]) =>
  a.slice(0, b.length).every((id, index) => id === b[index])
