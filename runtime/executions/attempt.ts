import type { Json } from '../../core/json.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import type { ExecutionRow, RunnableVersionRow } from '../../db/executions.ts'
import type { Sandbox, SandboxJob, SandboxResult } from '../sandbox/sandbox.ts'
import { type BridgeDeps, buildBridge, scopeOfRun } from './bridge.ts'

const MEMORY_MB = 256
const MAX_LOG_LINES = 1_000
const MAX_LOG_BYTES = 256 * 1024
const MAX_OUTPUT_BYTES = 5 * 1024 * 1024
/** Processor time one attempt may use, however long it may wait for others. */
const MAX_CPU_MS = 60_000

/** Runs one attempt of a claimed execution in the sandbox. Failures are results; it does not throw for them. */
export async function runAttempt(
  deps: BridgeDeps & { sandbox: Sandbox },
  execution: ExecutionRow,
  version: RunnableVersionRow,
  signal: AbortSignal,
): Promise<SandboxResult> {
  const job: SandboxJob = {
    isolateKey: `${execution.customer_id ?? execution.organization_id}/${version.workflow_version_id}`,
    code: version.code,
    filename: `${version.workflow_slug}.js`,
    input: execution.input,
    headers: execution.headers,
    context: {
      execution: { id: execution.id, attempt: execution.attempt },
      workflow: { id: version.workflow_id, slug: version.workflow_slug, version: version.version },
      customer: await customerOf(deps.db, execution),
      environment: execution.environment,
      trigger: triggerOf(execution),
    },
    connectors: version.connectors,
    limits: {
      timeoutMs: version.timeout_ms,
      cpuMs: Math.min(version.timeout_ms, MAX_CPU_MS),
      memoryMb: MEMORY_MB,
      maxLogLines: MAX_LOG_LINES,
      maxLogBytes: MAX_LOG_BYTES,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    },
  }
  return deps.sandbox.run(job, buildBridge(deps, execution, version.connectors), signal)
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
