import { createHash } from 'node:crypto'
import type { Actor, TenantScope } from '../../core/actor.ts'
import { toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { getApiKey } from '../../db/api-keys.ts'
import type { Database } from '../../db/database.ts'
import {
  claimDueDriftWatches,
  type DueDriftWatch,
  getDriftWatch,
  noteDriftLook,
} from '../../db/drift-watches.ts'
import { enqueueWebhook } from '../../db/webhook-deliveries.ts'
import { actorOf } from '../../runtime/access/api-keys.ts'
import { every } from '../../runtime/queue/every.ts'
import type { Catalog } from '../../tools/services.ts'
import { keyEnded } from '../frame/actor.ts'

export const LOOK_EVERY_MS = 60_000
const AT_ONCE = 5
/** Longer than a look takes at most: should its process die, another one looks after that. */
const LEASE_MS = 10 * 60_000
const HOUR_MS = 3_600_000
const FIRST_WAIT_MS = 15 * 60_000
/** After so many failures in a row the organization's product is told. */
const TELL_AFTER = 3
const MAX_PROBLEM_CHARS = 1_000
const OPEN = ['queued', 'running', 'waiting'] as const

interface Deps {
  db: Database
  catalog: Catalog
  log: Logger
}

/**
 * Looks at the APIs that are watched (watch_connector_drift), when they are due, in one process each; what has changed is
 * proposed by a run of the connector repairer that waits for a person. Safe to be killed: a proposal that was started and not
 * noted is found by its connector.
 * @returns stops it, and waits for the looks under way
 */
export const startDriftWatch = (deps: Deps, everyMs = LOOK_EVERY_MS): (() => Promise<void>) =>
  every(
    everyMs,
    async (stopped) => {
      for (const watch of await claimDueDriftWatches(deps.db, { limit: AT_ONCE, leaseMs: LEASE_MS })) {
        if (stopped.aborted) return
        await look(deps, watch, stopped)
      }
    },
    deps.log,
    'drift watch',
  )

async function look({ db, catalog, log }: Deps, watch: DueDriftWatch, signal: AbortSignal): Promise<void> {
  const { connector_id: connector, organization_id: organizationId } = watch
  const scope: TenantScope = { organizationId, customerIds: null }
  try {
    const actor = await actorNow(db, scope, watch.api_key_id)
    const call: Call = (tool, input) => catalog.call(tool, input, { actor, signal })
    const found = await call('check_connector_drift', { connector })
    const proposed = found.drifted === true ? hashOf([found.changes, found.newAddresses]) : undefined
    const isKnown = proposed === watch.proposed && !(await hasFailed(call, watch.run_id))
    const runId = proposed === undefined || isKnown ? undefined : await propose(call, connector)
    await db.tenant(scope, async (tx) => {
      const inMs = watch.every_hours * HOUR_MS
      const ran = proposed === undefined || runId === undefined ? {} : { proposed, runId }
      await noteDriftLook(tx, connector, { inMs, failures: 0, problem: null, ...ran })
      const watched = await getDriftWatch(tx, connector)
      // Ended meanwhile: the run that was started is there all the same.
      if (runId === undefined || watched === undefined) return
      const { changes, impact, customersTotal } = found as unknown as Drift
      await enqueueWebhook(tx, {
        ...{ organizationId, customerId: null, type: 'connector.drifted' },
        data: {
          ...{ connectorId: connector, connector: watched.connector, run: runId },
          ...{ breaking: changes.breaking.length, workflows: impact.workflows.length },
          ...{ connections: impact.connections, customers: customersTotal },
        },
      })
    })
  } catch (cause) {
    // Whoever stops the server stops the look: it is made again.
    if (signal.aborted) return
    const error = toAppError(cause)
    if (error.code === 'internal') log.error({ err: cause, connector }, 'an API was not looked at')
    const failures = watch.failures + 1
    const problem = error.message.slice(0, MAX_PROBLEM_CHARS)
    const inMs = Math.min(watch.every_hours * HOUR_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 12))
    await db.tenant(scope, async (tx) => {
      await noteDriftLook(tx, connector, { inMs, failures, problem })
      if (failures === TELL_AFTER)
        await enqueueWebhook(tx, {
          ...{ organizationId, customerId: null, type: 'connector.drift_check_failed' },
          data: { connectorId: connector, problem, failures },
        })
    })
  }
}

interface Drift {
  changes: { breaking: unknown[] }
  impact: { workflows: unknown[]; connections: number }
  customersTotal: number
}

/** The key as it is now: what it may do today. @throws AppError `unauthenticated` when it is no longer good */
async function actorNow(db: Database, scope: TenantScope, id: string): Promise<Actor> {
  const key = await db.read(scope, (tx) => getApiKey(tx, id))
  const isOver = key === undefined || key.revoked_at !== null
  if (isOver || (key.expires_at !== null && key.expires_at.getTime() <= db.now())) throw keyEnded()
  return actorOf(key, 'agent')
}

type Call = (tool: string, input: JsonObject) => Promise<Record<string, unknown>>

/** One that failed has put nothing to a person; one that was answered or cancelled has. */
async function hasFailed(call: Call, run: string | null): Promise<boolean> {
  if (run === null) return true
  const { runs } = await call('list_agent_runs', {
    agent: 'connector_repairer',
    status: 'failed',
    limit: 100,
  })
  return (runs as { id: string }[]).some(({ id }) => id === run)
}

/** One proposal at a time: a run that is under way looks at the description itself. @returns its id */
async function propose(call: Call, connector: string): Promise<string> {
  for (const status of OPEN) {
    const { runs } = await call('list_agent_runs', { agent: 'connector_repairer', status, limit: 100 })
    const open = (runs as { id: string; input: JsonObject }[]).find(
      ({ input }) => input.connector === connector,
    )
    if (open !== undefined) return open.id
  }
  const { run } = await call('repair_connector', { connector, approval: 'manual', waitSeconds: 0 })
  return (run as { id: string }).id
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')
