import { z } from 'zod'
import { listAudit } from '../../db/audit.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page, Timestamp } from '../params.ts'

export const listAuditLog = defineTool({
  name: 'list_audit_log',
  title: 'List the audit log',
  description:
    'Lists who changed what, newest first: every change, and every denied or failed attempt. Entries cannot be changed or deleted.',
  input: z.object({
    action: z.string().min(1).nullable().default(null).describe('Only calls of this tool.'),
    outcome: z.enum(['success', 'failure', 'denied']).nullable().default(null).describe('Only these.'),
    actor: z.string().min(1).nullable().default(null).describe('Only calls by this key (key_…).'),
    resource: z.string().min(1).nullable().default(null).describe('Only calls about this id or slug.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({
    entries: z.array(
      z.object({
        id: z.string().describe('aud_…'),
        at: Timestamp,
        actor: z.object({ type: z.string(), id: z.string(), name: z.string() }),
        door: z.string().describe('How the call came in: mcp, http, cli, webhook, agent or runtime.'),
        action: z.string().describe('The tool called.'),
        resource: z.string().nullable().describe('What it was about.'),
        customerId: z.string().nullable(),
        outcome: z.string(),
        errorCode: z.string().nullable(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
    nextCursor: NextCursor,
  }),
  permission: 'audit.read',
  effect: 'read',
  http: 'GET /audit-log',
  async run(context, input) {
    const found = await context.read((tx) =>
      listAudit(tx, {
        action: input.action,
        outcome: input.outcome,
        actorId: input.actor,
        resource: input.resource,
        after: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return {
      entries: rows.map((row) => ({
        id: row.id,
        at: row.at,
        actor: { type: row.actor_type, id: row.actor_id, name: row.actor_name },
        door: row.door,
        action: row.action,
        resource: row.resource,
        customerId: row.customer_id,
        outcome: row.outcome,
        errorCode: row.error_code,
        detail: { ...row.detail },
      })),
      nextCursor,
    }
  },
})
