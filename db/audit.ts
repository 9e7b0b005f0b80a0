import type { Actor } from '../core/actor.ts'
import type { ErrorCode } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Database, Tx } from './database.ts'
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

export interface AuditRecord {
  actor: Actor
  entry: AuditEntry
}

/** Appends entries; a customer-scoped actor's belong to its (first) customer. */
export const insertAudit = (tx: Tx, records: readonly AuditRecord[]) =>
  tx.run(
    `INSERT INTO audit_log (id, organization_id, customer_id, actor_type, actor_id, actor_name, door, action, resource, outcome, error_code, detail)
     SELECT id, organization_id, customer_id, actor_type, actor_id, actor_name, door, action, resource, outcome, error_code, detail
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, actor_type text, actor_id text, actor_name text,
       door text, action text, resource text, outcome text, error_code text, detail jsonb)`,
    [toJsonb(records.map(rowOf))],
  )

const rowOf = ({ actor, entry }: AuditRecord) => ({
  id: newId('audit'),
  organization_id: actor.organizationId,
  customer_id: actor.customerIds?.[0] ?? null,
  actor_type: actor.kind,
  actor_id: actor.id,
  actor_name: actor.name,
  door: actor.door,
  action: entry.action,
  resource: entry.resource,
  outcome: entry.outcome,
  error_code: entry.errorCode,
  detail: entry.detail,
})

/** Appends entries of several organizations, in a transaction of their own. */
export const appendAudit = (db: Database, records: readonly AuditRecord[]) =>
  db.system((tx) => insertAudit(tx, records))

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
