import { type Rate, rateOf } from './statistics.ts'
import type { Attempt, Policy, Suite, SuiteOptions, Task } from './suite.ts'

export interface TaskRecord {
  id: string
  class: string
  environment: string
  passed: boolean
  problems: string[]
  regressions: string[]
  seconds: number
  steps: number
  toolErrors: number
  tokens: number
  money: number
  trajectory?: object[]
}

export interface Report {
  suite: string
  policy: string
  seed: number
  settings: Record<string, string>
  startedAt: string
  seconds: number
  /** True: the time that was given ran out before all tasks were done. */
  outOfTime: boolean
  total: Rate
  byClass: Record<string, Rate>
  byEnvironment: Record<string, Rate>
  regressions: number
  steps: number
  toolErrors: number
  tokens: number
  money: number
  notes: Record<string, unknown>
  tasks: TaskRecord[]
}

export interface RunOptions extends SuiteOptions {
  policy: string
  /** No task is begun after this. */
  maxSeconds: number
}

/** Has a policy do the tasks of a suite, and tells how it did. The environment judges; the policy is not asked. */
export async function runSuite<S>(suite: Suite<S>, options: RunOptions): Promise<Report> {
  const startedAt = new Date()
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  const policy = policyOf(suite, options)
  const open = await suite.open(options)
  const tasks: TaskRecord[] = []
  let outOfTime = false
  try {
    for await (const task of open.tasks()) {
      tasks.push(await doTask(task, policy))
      if (tasks.length % 25 === 0) options.note(`${tasks.length} tasks in ${Math.round(elapsed())} s`)
      outOfTime = elapsed() > options.maxSeconds && tasks.length < options.count
      if (outOfTime) break
    }
    return {
      suite: suite.name,
      policy: options.policy,
      seed: options.seed,
      settings: options.settings,
      startedAt: startedAt.toISOString(),
      seconds: elapsed(),
      outOfTime,
      ...totalsOf(tasks),
      notes: open.notes(),
      tasks,
    }
  } finally {
    await open.close()
  }
}

type Doer<S> = (task: Task<S>) => Promise<Attempt>

function policyOf<S>(suite: Suite<S>, options: RunOptions): Doer<S> {
  if (options.policy === 'nothing') return async () => ({})
  if (options.policy === 'oracle') return (task) => task.solve()
  const build = suite.policies[options.policy]
  if (build === undefined) {
    const known = ['nothing', 'oracle', ...Object.keys(suite.policies)]
    throw new Error(`Suite ${suite.name} has no policy '${options.policy}'; it has ${known.join(', ')}.`)
  }
  const policy: Policy<S> = build(options)
  return ({ id, situation }) => policy({ id, situation })
}

async function doTask<S>(task: Task<S>, policy: Doer<S>): Promise<TaskRecord> {
  const began = performance.now()
  let attempt: Attempt = {}
  const problems: string[] = []
  try {
    attempt = await policy(task)
  } catch (error) {
    // What a policy breaks on is its failure, and none of the harness: the others are still measured.
    problems.push(`the policy failed: ${(error as Error).message}`)
  }
  const seconds = (performance.now() - began) / 1000
  const verdict = await task.check()
  const regressions = await task.regressions()
  await task.reset()
  return {
    id: task.id,
    class: task.class,
    environment: task.environment,
    passed: verdict.passed && regressions.length === 0,
    problems: [...problems, ...verdict.problems],
    regressions,
    seconds,
    steps: attempt.steps ?? 0,
    toolErrors: attempt.toolErrors ?? 0,
    tokens: attempt.tokens ?? 0,
    money: attempt.money ?? 0,
    ...(attempt.trajectory === undefined ? {} : { trajectory: attempt.trajectory }),
  }
}

function totalsOf(tasks: readonly TaskRecord[]) {
  const sum = (field: 'steps' | 'toolErrors' | 'tokens' | 'money') =>
    tasks.reduce((total, task) => total + task[field], 0)
  return {
    total: rateOf(tasks.filter(({ passed }) => passed).length, tasks.length),
    byClass: ratesBy(tasks, (task) => task.class),
    byEnvironment: ratesBy(tasks, (task) => task.environment),
    regressions: tasks.reduce((total, task) => total + task.regressions.length, 0),
    steps: sum('steps'),
    toolErrors: sum('toolErrors'),
    tokens: sum('tokens'),
    money: sum('money'),
  }
}

function ratesBy(tasks: readonly TaskRecord[], key: (task: TaskRecord) => string): Record<string, Rate> {
  const groups = [...Map.groupBy(tasks, key)].toSorted(([a], [b]) => a.localeCompare(b))
  return Object.fromEntries(
    groups.map(([name, group]) => [name, rateOf(group.filter(({ passed }) => passed).length, group.length)]),
  )
}
