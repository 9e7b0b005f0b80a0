import { isDeepStrictEqual } from 'node:util'
import { Misuse } from '../demo/program.ts'
import { type Report, type TaskRecord, type TrialRecord, taskRecord, totalsOf } from './records.ts'
import type { Attempt, OpenSuite, Policy, Suite, SuiteOptions, Task } from './suite.ts'
import { unsupportedValues } from './unsupported.ts'

export type { Report, TaskRecord } from './records.ts'

export interface RunOptions extends SuiteOptions {
  policy: string
  /** How often each task is tried; 1 unless given. */
  trials?: number
  /** No task is begun after this. */
  maxSeconds: number
}

/** Has a policy do the tasks of a suite, and tells how it did. The environment judges; the policy is not asked. */
export async function runSuite<S>(suite: Suite<S>, options: RunOptions): Promise<Report> {
  const startedAt = new Date()
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  const policy = policyOf(suite, options)
  const trials = options.trials ?? 1
  const open = await suite.open(options)
  const tasks: TaskRecord[] = []
  let outOfTime = false
  try {
    const before = await open.fixtures?.()
    for await (const task of open.tasks()) {
      tasks.push(await doTask(task, policy, trials))
      if (tasks.length % 25 === 0) options.note(`${tasks.length} tasks in ${Math.round(elapsed())} s`)
      outOfTime = elapsed() > options.maxSeconds && tasks.length < options.count
      if (outOfTime) break
    }
    return {
      format: 'patchbay.eval/2',
      suite: suite.name,
      policy: options.policy,
      ...(options.model === undefined ? {} : { model: options.model.model }),
      seed: options.seed,
      settings: options.settings,
      trials,
      startedAt: startedAt.toISOString(),
      seconds: elapsed(),
      outOfTime,
      ...totalsOf(tasks, trials),
      fixturesChanged: await changedFixtures(open, before),
      notes: open.notes(),
      leftOut: open.leftOut?.() ?? [],
      ...(suite.passMeans === undefined ? {} : { passMeans: suite.passMeans }),
      tasks,
      beside: [],
      invalid: [],
    }
  } finally {
    await open.close()
  }
}

async function changedFixtures<S>(
  open: OpenSuite<S>,
  before: Record<string, unknown> | undefined,
): Promise<string[]> {
  if (before === undefined) return []
  const after = (await open.fixtures?.()) ?? {}
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isDeepStrictEqual(before[name], after[name]),
  )
}

type Doer<S> = (task: Task<S>) => Promise<Attempt>

function policyOf<S>(suite: Suite<S>, options: RunOptions): Doer<S> {
  if (options.policy === 'nothing') return async () => ({})
  if (options.policy === 'oracle') return (task) => task.solve()
  const build = suite.policies[options.policy]
  if (build === undefined) {
    const known = ['nothing', 'oracle', ...Object.keys(suite.policies)]
    throw new Misuse(`Suite ${suite.name} has no policy '${options.policy}'; it has ${known.join(', ')}.`)
  }
  const policy: Policy<S> = build(options)
  return ({ id, situation }) => policy({ id, situation })
}

async function doTask<S>(task: Task<S>, policy: Doer<S>, trials: number): Promise<TaskRecord> {
  const records: TrialRecord[] = []
  for (let trial = 0; trial < trials; trial += 1) {
    if (trial > 0) await task.restart()
    records.push(await doTrial(task, policy))
  }
  return taskRecord(task, records)
}

async function doTrial<S>(task: Task<S>, policy: Doer<S>): Promise<TrialRecord> {
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
  // Whatever passed has to pass again: an end state that does not last is none.
  const again = verdict.passed ? await task.check() : verdict
  await task.reset()
  return {
    passed: verdict.passed && again.passed && regressions.length === 0,
    problems: [
      ...problems,
      ...verdict.problems,
      ...(again.passed === verdict.passed
        ? []
        : again.problems.map((problem) => `it passed, but not again: ${problem}`)),
    ],
    regressions,
    unsupported: unsupportedValues(attempt, task.situation),
    seconds,
    steps: attempt.steps ?? 0,
    toolErrors: attempt.toolErrors ?? 0,
    tokens: attempt.tokens ?? 0,
    money: attempt.money ?? 0,
    trajectory: attempt.trajectory ?? [],
    ...(attempt.answer === undefined ? {} : { answer: attempt.answer }),
  }
}
