import type { ErrorBody } from '../core/errors.ts'
import type { AgentRunRow } from './agent-runs.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** What the model of an MCP client is asked. */
export interface ModelRequest {
  system: string
  messages: { role: 'user' | 'assistant'; text: string }[]
  /** Of the answer. */
  maxTokens: number
  /** How much each counts when the client chooses among its models, 0 to 1. */
  preferences: { intelligence: number; speed: number }
}

/** `model`: as the client names it. */
export type ModelAnswer = { text: string; model: string } | { error: ErrorBody }

export const insertModelRequest = (
  tx: Tx,
  run: Pick<AgentRunRow, 'id' | 'organization_id' | 'customer_id'>,
  id: string,
  request: ModelRequest,
) =>
  tx.run(
    'INSERT INTO model_requests (id, run_id, organization_id, customer_id, request) VALUES ($1, $2, $3, $4, $5)',
    [id, run.id, run.organization_id, run.customer_id, toJsonb(request)],
  )

/** The oldest request of a run that no client has, for so many seconds. */
export const takeModelRequest = (tx: Tx, run: string, seconds: number) =>
  tx.row<{ id: string; request: ModelRequest }>(
    `UPDATE model_requests SET taken_until = clock_timestamp() + $2 * interval '1 second'
     WHERE id = (SELECT id FROM model_requests
       WHERE run_id = $1 AND answer IS NULL AND (taken_until IS NULL OR taken_until < clock_timestamp())
       ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id, request`,
    [run, seconds],
  )

/** The client went without an answer: another may have it. */
export const giveBackModelRequest = (tx: Tx, id: string) =>
  tx.run('UPDATE model_requests SET taken_until = NULL WHERE id = $1 AND answer IS NULL', [id])

export const answerModelRequest = (tx: Tx, id: string, answer: ModelAnswer) =>
  tx.run('UPDATE model_requests SET answer = $2 WHERE id = $1 AND answer IS NULL', [id, toJsonb(answer)])

export const getModelRequest = (tx: Tx, id: string) =>
  tx.row<{ answer: ModelAnswer | null; taken: boolean }>(
    'SELECT answer, coalesce(taken_until > clock_timestamp(), false) AS taken FROM model_requests WHERE id = $1',
    [id],
  )

export const deleteModelRequest = (tx: Tx, id: string) =>
  tx.run('DELETE FROM model_requests WHERE id = $1', [id])

export const deleteModelRequests = (tx: Tx, run: string) =>
  tx.run('DELETE FROM model_requests WHERE run_id = $1', [run])
