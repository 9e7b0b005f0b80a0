import { Misuse } from '../demo/program.ts'
import { passesOf, type Report, type TaskRecord } from './records.ts'
import { FEWEST_DIFFERING, SIGNIFICANT, signTest } from './statistics.ts'

export interface Difference {
  what: string
  a: number
  b: number
  /** Pairs in which b has more, and less, than a. */
  up: number
  down: number
  /** Two-sided, by the exact sign test: McNemar's where each task has one trial. */
  p: number
  verdict: 'b is better' | 'b is worse' | 'no significant difference' | 'too few differ'
}

export interface Comparison {
  pairs: number
  onlyInA: number
  onlyInB: number
  /** What makes the two runs hard to compare. */
  warnings: string[]
  differences: Difference[]
  /** Tasks that pass in one, and fail or pass less often in the other. */
  gained: string[]
  lost: string[]
}

/** Two runs over the same tasks, task by task. @throws Error when they have no task in common */
export function compare(a: Report, b: Report): Comparison {
  const inB = new Map(b.tasks.map((task) => [task.id, task]))
  const pairs = a.tasks.flatMap((task) => {
    const other = inB.get(task.id)
    return other === undefined ? [] : [[task, other] as const]
  })
  if (pairs.length === 0)
    throw new Misuse(
      `The reports have no task in common: ${a.suite} with seed ${a.seed}, ${b.suite} with seed ${b.seed}.`,
    )
  const shared = (['suite', 'seed', 'trials'] as const).filter((key) => a[key] !== b[key])
  return {
    pairs: pairs.length,
    onlyInA: a.tasks.length - pairs.length,
    onlyInB: b.tasks.length - pairs.length,
    warnings: [
      ...shared.map((key) => `${key} differs: ${a[key]} and ${b[key]}`),
      ...(JSON.stringify(a.settings) === JSON.stringify(b.settings) ? [] : ['the settings differ']),
      ...[a, b].flatMap(({ policy, invalid }) => invalid.map((reason) => `${policy}: ${reason}`)),
    ],
    differences: [
      difference('passed', pairs, shareOf, 'more'),
      difference('regressions', pairs, ({ regressions }) => regressions.length, 'less'),
      ...(['steps', 'toolErrors', 'tokens', 'money', 'seconds'] as const).map((key) =>
        difference(key, pairs, (task) => task[key] / Math.max(1, task.trials.length), 'less'),
      ),
    ],
    gained: pairs.filter(([one, other]) => shareOf(other) > shareOf(one)).map(([{ id }]) => id),
    lost: pairs.filter(([one, other]) => shareOf(other) < shareOf(one)).map(([{ id }]) => id),
  }
}

const shareOf = (task: TaskRecord): number => passesOf(task) / Math.max(1, task.trials.length)

function difference(
  what: string,
  pairs: readonly (readonly [TaskRecord, TaskRecord])[],
  measure: (task: TaskRecord) => number,
  better: 'more' | 'less',
): Difference {
  const values = pairs.map(([one, other]) => [measure(one), measure(other)] as const)
  const mean = (side: 0 | 1) => values.reduce((sum, pair) => sum + pair[side], 0) / values.length
  const up = values.filter(([one, other]) => other > one).length
  const down = values.filter(([one, other]) => other < one).length
  const p = signTest(up, down)
  const verdict =
    up + down < FEWEST_DIFFERING
      ? 'too few differ'
      : p >= SIGNIFICANT
        ? 'no significant difference'
        : up > down === (better === 'more')
          ? 'b is better'
          : 'b is worse'
  return { what, a: mean(0), b: mean(1), up, down, p, verdict }
}

const MAX_NAMED = 10

/** A comparison as a terminal shows it. */
export function comparisonText(comparison: Comparison, names: { a: string; b: string }): string {
  const { pairs, onlyInA, onlyInB, warnings, differences, gained, lost } = comparison
  const named = (title: string, ids: string[]) =>
    ids.length === 0 ? [] : [`${title} (${ids.length})`, ...ids.slice(0, MAX_NAMED).map((id) => `  ${id}`)]
  return [
    `a: ${names.a}`,
    `b: ${names.b}`,
    `${pairs} tasks in both${onlyInA + onlyInB > 0 ? `, ${onlyInA} only in a, ${onlyInB} only in b` : ''}`,
    ...warnings.map((warning) => `note: ${warning}`),
    `  ${'per task'.padEnd(13)}${'a'.padStart(11)}${'b'.padStart(11)}   b more/less   p (sign test, exact)`,
    ...differences.map(
      ({ what, a, b, up, down, p, verdict }) =>
        `  ${what.padEnd(13)}${shown(a).padStart(11)}${shown(b).padStart(11)}${`${up}/${down}`.padStart(14)}   ${p.toFixed(4)} ${verdict}`,
    ),
    ...(differences.some(({ verdict }) => verdict === 'too few differ')
      ? [`Fewer than ${FEWEST_DIFFERING} tasks that differ cannot show a difference at 5 %: run more tasks.`]
      : []),
    ...named('passes more often in b', gained),
    ...named('passes less often in b', lost),
  ].join('\n')
}

const shown = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(3))
