import type { Tx } from './database.ts'

/** Where the organization's product is told of what happens; without its signing secret. */
export interface WebhookEndpointRow {
  id: string
  url: string
  description: string
  /** Empty: all. */
  event_types: string[]
  enabled: boolean
  created_at: Date
  updated_at: Date
}

const COLUMNS = 'id, url, description, event_types, enabled, created_at, updated_at'

export const insertWebhookEndpoint = (
  tx: Tx,
  endpoint: {
    id: string
    organizationId: string
    url: string
    description: string
    /** Sealed. */
    secret: string
    eventTypes: readonly string[]
  },
) =>
  tx.row<WebhookEndpointRow>(
    `INSERT INTO webhook_endpoints (id, organization_id, url, description, secret, event_types)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
    [
      endpoint.id,
      endpoint.organizationId,
      endpoint.url,
      endpoint.description,
      endpoint.secret,
      endpoint.eventTypes,
    ],
  )

export const getWebhookEndpoint = (tx: Tx, id: string) =>
  tx.row<WebhookEndpointRow>(`SELECT ${COLUMNS} FROM webhook_endpoints WHERE id = $1`, [id])

export const listWebhookEndpoints = (tx: Tx, page: { cursor: string | null; limit: number }) =>
  tx.rows<WebhookEndpointRow>(
    `SELECT ${COLUMNS} FROM webhook_endpoints WHERE ($1::text IS NULL OR id < $1) ORDER BY id DESC LIMIT $2`,
    [page.cursor, page.limit],
  )

export const updateWebhookEndpoint = (
  tx: Tx,
  id: string,
  change: {
    url?: string | undefined
    description?: string | undefined
    eventTypes?: readonly string[] | undefined
    enabled?: boolean | undefined
    /** Sealed. */
    secret?: string | undefined
  },
) =>
  tx.row<WebhookEndpointRow>(
    `UPDATE webhook_endpoints SET url = coalesce($2, url), description = coalesce($3, description),
       event_types = coalesce($4, event_types), enabled = coalesce($5, enabled), secret = coalesce($6, secret), updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, change.url, change.description, change.eventTypes, change.enabled, change.secret],
  )

export const deleteWebhookEndpoint = (tx: Tx, id: string) =>
  tx.run('DELETE FROM webhook_endpoints WHERE id = $1', [id])
