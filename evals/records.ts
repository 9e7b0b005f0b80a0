import { passHatK, type Rate, rateOf } from './statistics.ts'
import type { Step } from './suite.ts'

/** One attempt at a task. */
export interface TrialRecord {
  passed: boolean
  problems: string[]
  regressions: string[]
  /** Values of the policy's answer that no tool gave it. Told, not judged by. */
  unsupported: string[]
  seconds: number
  steps: number
  toolErrors: number
  tokens: number
  money: number
  trajectory: Step[]
  answer?: unknown
}

export interface TaskRecord {
  id: string
  class: string
  environment: string
  /** In every trial? */
  passed: boolean
  /** Of all trials, as are the sums. */
  problems: string[]
  regressions: string[]
  seconds: number
  steps: number
  toolErrors: number
  tokens: number
  money: number
  trials: TrialRecord[]
}

/** How one policy did. */
export interface Score {
  policy: string
  trials: number
  seconds: number
  /** True: the time that was given ran out before all tasks were done. */
  outOfTime: boolean
  /** pass@1: the share of all trials that passed. */
  total: Rate
  /** pass^k for k from 1 to the number of trials: the share of tasks of which k trials drawn from those made all pass. */
  passHat: Rate[]
  byClass: Record<string, Rate>
  byEnvironment: Record<string, Rate>
  regressions: number
  steps: number
  toolErrors: number
  tokens: number
  money: number
  /** Tasks with an answer that holds what no tool gave. */
  unsupported: number
  /** What tasks are made of, and was not the same after the run. */
  fixturesChanged: string[]
}

export interface Report extends Score {
  format: 'patchbay.eval/2'
  suite: string
  model?: string
  seed: number
  settings: Record<string, string>
  startedAt: string
  notes: Record<string, unknown>
  /** What was not measured, each with the reason; missing in older reports. */
  leftOut?: string[]
  /** What is known of a task that passed, when that is less than in suites of our own. */
  passMeans?: string
  tasks: TaskRecord[]
  /** Other policies on the same tasks: nothing, the oracle, the baseline. */
  beside: Score[]
  /** Why the figures are not to be trusted; empty when they are. */
  invalid: string[]
}

const SUMMED = ['seconds', 'steps', 'toolErrors', 'tokens', 'money'] as const

const sumOf = <K extends string>(all: readonly Record<K, number>[], key: K): number =>
  all.reduce((sum, one) => sum + one[key], 0)

export function taskRecord(
  { id, class: kind, environment }: Pick<TaskRecord, 'id' | 'class' | 'environment'>,
  trials: TrialRecord[],
): TaskRecord {
  const sums = Object.fromEntries(SUMMED.map((key) => [key, sumOf(trials, key)])) as Record<
    (typeof SUMMED)[number],
    number
  >
  return {
    id,
    class: kind,
    environment,
    passed: trials.length > 0 && trials.every(({ passed }) => passed),
    problems: [...new Set(trials.flatMap(({ problems }) => problems))],
    regressions: [...new Set(trials.flatMap(({ regressions }) => regressions))],
    ...sums,
    trials,
  }
}

export function totalsOf(tasks: readonly TaskRecord[], trials: number) {
  const ks = Array.from({ length: trials }, (_, index) => index + 1)
  return {
    total: passRate(tasks),
    passHat: ks.map((k) => {
      const chances = tasks.map((task) => passHatK(passesOf(task), task.trials.length, k) ?? 0)
      return rateOf(
        chances.reduce((sum, chance) => sum + chance, 0),
        tasks.length,
      )
    }),
    byClass: ratesBy(tasks, (task) => task.class),
    byEnvironment: ratesBy(tasks, (task) => task.environment),
    regressions: tasks.reduce(
      (sum, task) => sum + task.trials.reduce((some, { regressions }) => some + regressions.length, 0),
      0,
    ),
    steps: sumOf(tasks, 'steps'),
    toolErrors: sumOf(tasks, 'toolErrors'),
    tokens: sumOf(tasks, 'tokens'),
    money: sumOf(tasks, 'money'),
    unsupported: tasks.filter((task) => task.trials.some(({ unsupported }) => unsupported.length > 0)).length,
  }
}

export const passesOf = (task: TaskRecord): number => task.trials.filter(({ passed }) => passed).length

function passRate(tasks: readonly TaskRecord[]): Rate {
  const passed = tasks.reduce((sum, task) => sum + passesOf(task), 0)
  const made = tasks.reduce((sum, task) => sum + task.trials.length, 0)
  return rateOf(passed, made, tasks.length)
}

function ratesBy(tasks: readonly TaskRecord[], key: (task: TaskRecord) => string): Record<string, Rate> {
  const groups = [...Map.groupBy(tasks, key)].toSorted(([a], [b]) => a.localeCompare(b))
  return Object.fromEntries(groups.map(([name, group]) => [name, passRate(group)]))
}
