import type { Actor } from '../core/actor.ts'
import type { ErrorCode } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface AuditEntry {
  action: string
  resource: string | null
  outcome: 'success' | 'failure' | 'denied'
  errorCode: ErrorCode | null
  detail: object
}

export interface AuditRow {
  id: string
  at: Date
  actor_type: string
  actor_id: string
  actor_name: string
  door: string
  action: string
  resource: string | null
  customer_id: string | null
  outcome: string
  error_code: string | null
  detail: object
}

/** Appends one entry; a customer-scoped actor's entries belong to its (first) customer. */
export const insertAudit = (tx: Tx, actor: Actor, entry: AuditEntry) =>
  tx.run(
    `INSERT INTO audit_log (id, organization_id, customer_id, actor_type, actor_id, actor_name, door, action, resource, outcome, error_code, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      newId('audit'),
      actor.organizationId,
      actor.customerIds?.[0] ?? null,
      actor.kind,
      actor.id,
      actor.name,
      actor.door,
      entry.action,
      // What a caller named may hold what text cannot: that must not keep the entry out.
      entry.resource?.replaceAll('\0', '\ufffd').toWellFormed() ?? null,
      entry.outcome,
      entry.errorCode,
      toJsonb(entry.detail),
    ],
  )

export interface AuditFilter {
  action: string | null
  outcome: string | null
  actorId: string | null
  resource: string | null
  after: string | null
  limit: number
}

export const listAudit = (tx: Tx, filter: AuditFilter) =>
  tx.rows<AuditRow>(
    `SELECT id, at, actor_type, actor_id, actor_name, door, action, resource, customer_id, outcome, error_code, detail
     FROM audit_log
     WHERE ($1::text IS NULL OR action = $1) AND ($2::text IS NULL OR outcome = $2) AND ($3::text IS NULL OR actor_id = $3)
       AND ($4::text IS NULL OR resource = $4) AND ($5::text IS NULL OR id < $5)
     ORDER BY id DESC LIMIT $6`,
    [filter.action, filter.outcome, filter.actorId, filter.resource, filter.after, filter.limit],
  )
