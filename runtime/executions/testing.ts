import type { Database } from '../../db/database.ts'
import type { NewStep, StepRow } from '../../db/execution-steps.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { jobFor, workflow } from '../sandbox/testing.ts'
import { buildDurableBridge } from './durable-bridge.ts'
import { buildLease, moment } from './lease.ts'
import { buildRecorder } from './recorder.ts'

const execution = {
  id: 'exec_1',
  organization_id: 'org_1',
  customer_id: null,
  attempt: 1,
  run: 1,
  origin_id: null,
  tier: 'standard',
} as ExecutionRow
const SEED = 'abcdefghijklmnopqrstuvwxyz012345'
const CLOCK = Date.parse('2026-01-02T03:04:05Z')

/** As the platform's: not in whole milliseconds. */
const now = () => Date.now() + 0.4

export type RunOnce = Awaited<ReturnType<typeof runOnce>>

/**
 * Runs a workflow's body in the sandbox with a record, and without a database. `ctx.state.get(ms, answer)` takes so
 * long and gives the answer, or fails for `'fails'`.
 * @param fresh steps are told, where they may be; otherwise they ask
 * @param rows what an earlier run recorded
 */
export async function runOnce(sandbox: Sandbox, body: string, fresh: boolean, rows: readonly StepRow[] = []) {
  const kept: NewStep[] = []
  /** Answers of the calls that were made, not taken from the record. */
  const made: unknown[] = []
  let asked = 0
  const recorder = buildRecorder({
    execution,
    rows,
    durable: true,
    keep: async ({ steps }) => {
      kept.push(...steps)
      return true
    },
    lease: buildLease(moment()),
    onLost: () => {},
    now,
  })
  const { bridge } = buildDurableBridge({
    db: { now } as Database,
    execution,
    recorder,
    mayWait: true,
    fresh,
    effect: async ({ args: [ms, answer] }) => {
      made.push(answer)
      await new Promise((next) => setTimeout(next, Number(ms)))
      if (answer === 'fails') throw new Error('it failed')
      return answer ?? null
    },
    runChild: async () => ({ output: null }),
    childOutcome: async () => ({ output: null }),
  })
  const counted: typeof bridge = Object.assign(
    (...given: Parameters<typeof bridge>) => {
      if (given[0].name.startsWith('step.')) asked += 1
      return bridge(...given)
    },
    bridge.steps === undefined ? {} : { steps: bridge.steps },
  )
  const limits = { timeoutMs: 20_000, cpuMs: 20_000, maxLogLines: 5_000 }
  const job = jobFor(workflow(body), { seed: SEED, clock: CLOCK, limits })
  const result = await sandbox.run(job, counted)
  return { result, asked, made, rows: [...kept, ...(await recorder.rest())] }
}

/** What was recorded as a later run finds it. */
export const asRow = ({ started_at, finished_at, wake_at: _wake, ...row }: NewStep): StepRow => ({
  ...row,
  wake_at: null,
  started_at: new Date(started_at),
  finished_at: finished_at === null ? null : new Date(finished_at),
})

/** All but when. */
export const shown = ({ result, rows }: RunOnce) => ({
  output: result.status === 'completed' ? result.output : result.error.message,
  logs: result.logs.map(({ message, turn }) => ({ message, turn })),
  rows: rows.map(({ started_at: _from, finished_at: _to, ...row }) => row),
})
