import type { Json } from '../../core/json.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import { loadSteps, type NewStep, type StepBatch, WAIT_WORKFLOW } from '../../db/execution-steps.ts'
import { type ExecutionRow, keptLines, type RunnableVersionRow } from '../../db/executions.ts'
import type { Sandbox, SandboxJob, SandboxResult } from '../sandbox/sandbox.ts'
import { type BridgeDeps, buildEffects, type Effect, scopeOfRun, text } from './bridge.ts'
import { buildDurableBridge } from './durable-bridge.ts'
import type { Lease } from './lease.ts'
import { outlasting } from './outlast.ts'
import { refuseBeyond } from './reach.ts'
import { buildRecorder } from './recorder.ts'
import { MAX_TIMEOUT_MS } from './tiers.ts'

const MEMORY_MB = 256
const MAX_LOG_LINES = 1_000
const MAX_LOG_BYTES = 256 * 1024
const MAX_OUTPUT_BYTES = 5 * 1024 * 1024
/** Processor time one run may use, however long it may wait for others. */
const MAX_CPU_MS = 60_000
/** What a run that goes on gets at least, so that it can still say what it has. */
const MIN_TIMEOUT_MS = 100

export interface RunDeps extends BridgeDeps {
  sandbox: Sandbox
  keepSteps: (batch: StepBatch) => Promise<boolean>
}

export interface RunResult {
  result: SandboxResult
  /** What it did that is not kept yet. */
  steps: NewStep[]
  /** Of a suspended run: the places in the record of what it waits for. */
  parked: number[]
  /** How often it called something outside: connectors, stores, secrets. */
  calls: number
  /** Did it, now or in an earlier run, perhaps call workflows? */
  calledWorkflows: boolean
}

/** Runs a claimed execution in the sandbox until it ends or is put aside. Failures are results; it does not throw for them. */
export async function runOnce(
  deps: RunDeps,
  execution: ExecutionRow,
  version: RunnableVersionRow,
  signal: AbortSignal,
  hold: { lease: Lease; onLost: () => void },
): Promise<RunResult> {
  const goesOn = execution.run > 1 || execution.origin_id !== null
  const recorder = buildRecorder({
    execution,
    rows: goesOn ? await loadSteps(deps.db, execution.id) : [],
    durable: execution.tier !== 'instant',
    keep: deps.keepSteps,
    now: deps.db.now,
    ...hold,
  })
  const effects = buildEffects(deps, execution, version)
  let calls = 0
  const effect: Effect = (...given) => {
    calls += 1
    return effects(...given)
  }
  const children: Promise<unknown>[] = []
  const { bridge, parked } = buildDurableBridge({
    db: deps.db,
    execution,
    recorder,
    mayWait: execution.tier !== 'instant',
    fresh: !goesOn,
    effect: outlasting(effect),
    runChild: (slug, input, key, stop) => {
      refuseBeyond(version.reach, WAIT_WORKFLOW, [])
      const child = deps.others.run(execution, text(slug, 'workflow'), input, key, stop)
      children.push(child)
      return child
    },
    childOutcome: (id) => deps.others.outcome(scopeOfRun(execution), id),
  })
  const result = await deps.sandbox.run(await jobOf(deps.db, execution, version), bridge, signal)
  // Those under way stop with it. Whoever ends it has to find how they were left.
  await Promise.allSettled(children)
  const calledWorkflows = goesOn || children.length > 0
  return { result, steps: await recorder.rest(), parked: parked(), calls, calledWorkflows }
}

async function jobOf(
  db: Database,
  execution: ExecutionRow,
  version: RunnableVersionRow,
): Promise<SandboxJob> {
  const allowed = execution.tier === version.tier ? version.timeout_ms : MAX_TIMEOUT_MS[execution.tier]
  const timeoutMs = Math.max(MIN_TIMEOUT_MS, allowed - execution.attempt_ms)
  return {
    isolateKey: `${execution.customer_id ?? execution.organization_id}/${version.workflow_version_id}`,
    depth: execution.depth,
    code: version.code,
    filename: `${version.workflow_slug}.js`,
    input: execution.input,
    headers: execution.headers,
    context: {
      execution: { id: execution.id, attempt: execution.attempt },
      workflow: { id: version.workflow_id, slug: version.workflow_slug, version: version.version },
      customer: await customerOf(db, execution),
      environment: execution.environment,
      trigger: triggerOf(execution),
    },
    connectors: version.connectors,
    limits: {
      timeoutMs,
      cpuMs: Math.min(timeoutMs, MAX_CPU_MS),
      memoryMb: MEMORY_MB,
      maxLogLines: MAX_LOG_LINES,
      maxLogBytes: MAX_LOG_BYTES,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    },
    seed: execution.random_seed,
    clock: execution.clock_at?.getTime() ?? db.now(),
    linesKept: execution.lines_kept > 0 ? await keptLines(db, execution) : {},
  }
}

async function customerOf(
  db: Database,
  execution: ExecutionRow,
): Promise<{ id: string; name: string } | null> {
  const id = execution.customer_id
  if (id === null) return null
  const row = await db.read(scopeOfRun(execution), (tx) => findCustomer(tx, id))
  return { id, name: row?.name ?? id }
}

const triggerOf = (execution: ExecutionRow): Record<string, Json> | null =>
  execution.trigger_id === null && execution.event_id === null
    ? null
    : { id: execution.trigger_id, eventId: execution.event_id, type: execution.triggered_by }
