import type { ErrorBody } from '../core/errors.ts'
import type { Json, JsonObject, JsonSchema } from '../core/json.ts'
import type { Permission, RoleName } from '../core/permissions.ts'
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export type AgentRunStatus = 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'canceled'

/** Who started a run, as kept with it. */
export interface RunActor {
  kind: 'api_key' | 'system'
  id: string
  name: string
  role: RoleName
  permissions: Permission[]
  customerIds: string[] | null
  mode: 'test' | 'live'
  ratePerMinute: number | null
}

export interface OpenQuestion {
  id: string
  point: string
  question: string
  details: JsonObject
  /** What an answer looks like. */
  schema: JsonSchema
  default: JsonObject | null
}

export interface AgentRunRow {
  id: string
  organization_id: string
  customer_id: string | null
  agent: string
  actor: RunActor
  api_key_id: string | null
  input: JsonObject
  output: JsonObject | null
  error: ErrorBody | null
  approval: 'auto' | 'manual'
  /** Whose model drives it: `client` is the MCP client that stays with it; `none`: there was none when it started. */
  model: 'server' | 'client' | 'none'
  status: AgentRunStatus
  question: OpenQuestion | null
  budget: { maxTokens: number; maxCostUsd?: number; maxSteps: number; maxSeconds: number }
  usage: JsonObject
  worked_ms: number
  cancel_requested: boolean
  claim: number
  losses: number
  epoch: number
  last_event: number
  created_at: Date
  started_at: Date | null
  ended_at: Date | null
}

const COLUMNS = `id, organization_id, customer_id, agent, actor, api_key_id, input, output, error, approval, model, status, question, budget,
  usage, worked_ms::float8 AS worked_ms, cancel_requested, claim, losses, epoch, last_event, created_at, started_at, ended_at`
export interface NewAgentRun {
  id: string
  organizationId: string
  customerId: string | null
  agent: string
  actor: RunActor
  input: JsonObject
  approval: 'auto' | 'manual'
  model: AgentRunRow['model']
  budget: object
}

export const insertAgentRun = (tx: Tx, run: NewAgentRun) =>
  tx.row<AgentRunRow>(
    `INSERT INTO agent_runs (id, organization_id, customer_id, agent, actor, api_key_id, input, approval, model, status, budget)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', $10) RETURNING ${COLUMNS}`,
    [
      run.id,
      run.organizationId,
      run.customerId,
      run.agent,
      toJsonb(run.actor),
      run.actor.kind === 'api_key' ? run.actor.id : null,
      toJsonb(run.input),
      run.approval,
      run.model,
      toJsonb(run.budget),
    ],
  )

export const getAgentRun = (tx: Tx, id: string) =>
  tx.row<AgentRunRow>(`SELECT ${COLUMNS} FROM agent_runs WHERE id = $1`, [id])

export const listAgentRuns = (
  tx: Tx,
  filter: { agent: string | null; status: AgentRunStatus | null; cursor: string | null; limit: number },
) =>
  tx.rows<AgentRunRow>(
    `SELECT ${COLUMNS} FROM agent_runs
     WHERE ($1::text IS NULL OR agent = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [filter.agent, filter.status, filter.cursor, filter.limit],
  )

export interface AgentRunEventRow {
  seq: number
  type: string
  data: JsonObject
  created_at: Date
}

export const listAgentRunEvents = (tx: Tx, page: { run: string; after: number; limit: number }) =>
  tx.rows<AgentRunEventRow>(
    'SELECT seq, type, data, created_at FROM agent_run_events WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3',
    [page.run, page.after, page.limit],
  )

export interface NewAgentRunEvent {
  type: string
  data: JsonObject
}

/** The row a claim holds, locked until the transaction ends; undefined: somebody else has the run, or it has ended. */
export const lockClaim = (tx: Tx, id: string, claim: number) =>
  tx.row<{ epoch: number }>(
    `SELECT epoch FROM agent_runs WHERE id = $1 AND claim = $2 AND status = 'running' FOR UPDATE`,
    [id, claim],
  )

/** As `lockClaim`, when the run has got on: processes that died before are forgiven. */
export const getsOn = (tx: Tx, id: string, claim: number) =>
  tx.row<{ epoch: number }>(
    `UPDATE agent_runs SET losses = 0 WHERE id = $1 AND claim = $2 AND status = 'running' RETURNING epoch`,
    [id, claim],
  )

/** Adds events in order. The run's row must be locked by this transaction. */
export const addAgentRunEvents = (tx: Tx, run: string, events: readonly NewAgentRunEvent[]) =>
  tx.run(
    `WITH run AS (
       UPDATE agent_runs SET last_event = last_event + $2, updated_at = now() WHERE id = $1
       RETURNING id, organization_id, customer_id, last_event - $2 AS before
     )
     INSERT INTO agent_run_events (run_id, seq, organization_id, customer_id, type, data)
     SELECT run.id, run.before + e.place, run.organization_id, run.customer_id, e.event->>'type', e.event->'data'
     FROM run, jsonb_array_elements($3::jsonb) WITH ORDINALITY AS e(event, place)`,
    [run, events.length, toJsonb(events)],
  )

export const getRunRecord = (tx: Tx, run: string, key: string) =>
  tx.row<{ value: Json }>('SELECT value FROM agent_run_records WHERE run_id = $1 AND key = $2', [run, key])

export const putRunRecord = (tx: Tx, run: string, key: string, value: unknown) =>
  tx.run(
    `INSERT INTO agent_run_records (run_id, key, organization_id, customer_id, value)
     SELECT id, $2, organization_id, customer_id, $3 FROM agent_runs WHERE id = $1
     ON CONFLICT (run_id, key) DO NOTHING`,
    [run, key, toJsonb(value)],
  )

/** What the run's calls of these tools answered, where they changed something; oldest first, from before it went back too. */
export const changesOfRun = (tx: Tx, run: string, tools: readonly string[]) =>
  tx.rows<{ tool: string; output: JsonObject }>(
    `SELECT value->>'tool' AS tool, value->'output' AS output FROM agent_run_records
     WHERE run_id = $1 AND starts_with(key, 'call_') AND value->>'tool' = ANY($2) AND value->'output' IS NOT NULL
     ORDER BY created_at, key`,
    [run, tools],
  )

export const dropRunRecord = (tx: Tx, run: string, key: string) =>
  tx.run('DELETE FROM agent_run_records WHERE run_id = $1 AND key = $2', [run, key])

/** What a claim's end makes of the run. */
export interface AgentRunOutcome {
  status: Exclude<AgentRunStatus, 'running'>
  output?: JsonObject | null
  error?: ErrorBody | null
  question?: OpenQuestion | null
}

/** Ends a claim, or the run. The row must be locked by this transaction. */
export const concludeAgentRun = (tx: Tx, id: string, outcome: AgentRunOutcome) =>
  tx.row<AgentRunRow>(
    `UPDATE agent_runs SET status = $2, output = $3, error = $4, question = $5, worker = NULL, heartbeat_at = NULL, losses = 0,
       ended_at = CASE WHEN $2 IN ('completed', 'failed', 'canceled') THEN now() END, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [
      id,
      outcome.status,
      outcome.output == null ? null : toJsonb(outcome.output),
      outcome.error == null ? null : toJsonb(outcome.error),
      outcome.question == null ? null : toJsonb(outcome.question),
    ],
  )

export const lockAgentRun = (tx: Tx, id: string) =>
  tx.row<AgentRunRow>(`SELECT ${COLUMNS} FROM agent_runs WHERE id = $1 FOR UPDATE`, [id])

/** Lets a run go on: after an answer, or from a checkpoint. */
export const requeueAgentRun = (tx: Tx, id: string, options: { newEpoch?: boolean } = {}) =>
  tx.row<AgentRunRow>(
    `UPDATE agent_runs SET status = 'queued', question = NULL, output = NULL, error = NULL, ended_at = NULL, worker = NULL,
       cancel_requested = false, claim = claim + 1, epoch = epoch + $2, losses = 0, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, options.newEpoch === true ? 1 : 0],
  )

export const requestAgentRunCancel = (tx: Tx, id: string) =>
  tx.run('UPDATE agent_runs SET cancel_requested = true, updated_at = now() WHERE id = $1', [id])

export const addAgentRunUsage = (tx: Tx, id: string, usage: JsonObject, workedMs: number) =>
  tx.run('UPDATE agent_runs SET usage = $2, worked_ms = worked_ms + $3 WHERE id = $1', [
    id,
    toJsonb(usage),
    Math.max(0, Math.round(workedMs)),
  ])

/** Forgets what came after a checkpoint, and what its next nodes have written already. */
export async function dropCheckpointsAfter(tx: Tx, run: string, checkpoint: string): Promise<boolean> {
  const there = await tx.row(
    `SELECT 1 FROM agent_checkpoints.checkpoints WHERE thread_id = $1 AND checkpoint_ns = '' AND checkpoint_id = $2`,
    [run, checkpoint],
  )
  if (there === undefined) return false
  await tx.run('DELETE FROM agent_checkpoints.checkpoints WHERE thread_id = $1 AND checkpoint_id > $2', [
    run,
    checkpoint,
  ])
  await tx.run(
    'DELETE FROM agent_checkpoints.checkpoint_writes WHERE thread_id = $1 AND checkpoint_id >= $2',
    [run, checkpoint],
  )
  // Versions count up from what is left, and a value of the same version would be taken for the new one.
  await tx.run(
    `DELETE FROM agent_checkpoints.checkpoint_blobs b WHERE thread_id = $1 AND NOT EXISTS (
       SELECT FROM agent_checkpoints.checkpoints c WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns
         AND c.checkpoint->'channel_versions'->>b.channel = b.version)`,
    [run],
  )
  return true
}

/**
 * Claims runs that are due for this worker: queued ones, and those whose worker has been silent for too long; oldest
 * first, never more at once for one organization than `perOrganization`. One process claims at a time.
 */
export const claimAgentRuns = (
  db: Database,
  options: { worker: string; limit: number; perOrganization: number; silentMs: number },
): Promise<AgentRunRow[]> =>
  db.system(async (tx) => {
    await tx.run(`SELECT pg_advisory_xact_lock(hashtext('patchbay.agent_runs'))`)
    return tx.rows<AgentRunRow>(
      `WITH held AS (
         SELECT organization_id, count(*) AS n FROM agent_runs
         WHERE status = 'running' AND heartbeat_at >= now() - $4 * interval '1 millisecond' GROUP BY 1
       ), due AS (
         SELECT r.id, r.organization_id, row_number() OVER (PARTITION BY r.organization_id ORDER BY r.id) + coalesce(h.n, 0) AS place
         FROM agent_runs r LEFT JOIN held h USING (organization_id)
         WHERE r.status = 'queued' OR (r.status = 'running' AND (r.heartbeat_at IS NULL OR r.heartbeat_at < now() - $4 * interval '1 millisecond'))
       ), chosen AS (
         SELECT r.id AS chosen_id FROM agent_runs r JOIN due d USING (id) WHERE d.place <= $3 ORDER BY d.place, r.id LIMIT $2 FOR UPDATE OF r SKIP LOCKED
       )
       UPDATE agent_runs r SET losses = CASE WHEN status = 'running' THEN losses + 1 ELSE losses END, status = 'running',
         claim = claim + 1, worker = $1, heartbeat_at = now(), started_at = coalesce(started_at, now()), updated_at = now()
       FROM chosen WHERE r.id = chosen_id RETURNING ${COLUMNS}`,
      [options.worker, options.limit, options.perOrganization, options.silentMs],
    )
  })

export interface HeldRun {
  id: string
  claim: number
  cancel_requested: boolean
}

/** Says that a worker still has its runs and worked on them for so long since it last did; gives those it does have. */
export const beatAgentRuns = (db: Database, held: readonly { id: string; claim: number; ms: number }[]) =>
  db.system((tx) =>
    tx.rows<HeldRun>(
      `UPDATE agent_runs r SET heartbeat_at = now(), worked_ms = worked_ms + h.ms
       FROM jsonb_to_recordset($1::jsonb) AS h(id text, claim integer, ms bigint)
       WHERE r.id = h.id AND r.claim = h.claim AND r.status = 'running' RETURNING r.id, r.claim, r.cancel_requested`,
      [toJsonb(held)],
    ),
  )

/** Open runs whose key was revoked or has expired. */
export const runsOfEndedKeys = (db: Database) =>
  db.system((tx) =>
    tx.rows<{ id: string; organization_id: string; status: AgentRunStatus }>(
      `SELECT r.id, r.organization_id, r.status FROM agent_runs r JOIN api_keys k ON k.id = r.api_key_id
       WHERE r.status IN ('queued', 'running', 'waiting') AND (k.revoked_at IS NOT NULL OR k.expires_at <= now())`,
    ),
  )

/** Deletes runs that ended before, with their events, records and checkpoints; gives how many. */
export const deleteOldAgentRuns = (db: Database, before: Date) =>
  db.system((tx) =>
    tx.run('DELETE FROM agent_runs WHERE id IN (SELECT id FROM agent_runs WHERE ended_at < $1 LIMIT 200)', [
      before,
    ]),
  )
