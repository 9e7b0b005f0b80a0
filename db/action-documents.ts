import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'

/** What search and the gateway need of an action, without its schemas. */
export interface ActionDocumentRow {
  id: string
  connectorId: string
  slug: string
  name: string
  description: string
  effect: 'read' | 'write' | 'destructive'
  method: string
  path: string
  tags: string[]
  inputKeys: string[]
  required: string[]
  deprecated: boolean
}

/** Every action of a connector, by slug. */
export const listActionDocuments = (tx: Tx, connectorId: string) =>
  tx.rows<ActionDocumentRow>(
    `SELECT id, connector_id AS "connectorId", slug, name, description, effect,
       coalesce(definition->>'method', '') AS method, coalesce(definition->>'path', '') AS path,
       coalesce(definition->'tags', '[]') AS tags, coalesce((definition->>'deprecated')::boolean, false) AS deprecated,
       coalesce(definition->'inputSchema'->'required', '[]') AS required,
       ARRAY(SELECT jsonb_object_keys(CASE WHEN jsonb_typeof(definition->'inputSchema'->'properties') = 'object'
         THEN definition->'inputSchema'->'properties' ELSE '{}' END)) AS "inputKeys"
     FROM actions WHERE connector_id = $1 ORDER BY slug`,
    [connectorId],
  )

/** Definitions of some actions of one connector. */
export const getActionDefinitions = (tx: Tx, connectorId: string, slugs: readonly string[]) =>
  tx.rows<{ slug: string; definition: JsonObject }>(
    'SELECT slug, definition FROM actions WHERE connector_id = $1 AND slug = ANY($2)',
    [connectorId, slugs],
  )

export interface ConnectedApp {
  id: string
  slug: string
  name: string
  revision: number
  /** Oldest first. */
  connections: { id: string; name: string; isDefault: boolean }[]
}

/** The connectors a customer has active connections of (its own ones), oldest connector first. */
export const listConnectedApps = (tx: Tx, customerId: string) =>
  tx.rows<ConnectedApp>(
    `SELECT c.id, c.slug, c.name, c.revision,
       jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name, 'isDefault', x.is_default) ORDER BY x.id) AS connections
     FROM connections x JOIN connectors c ON c.id = x.connector_id
     WHERE x.customer_id = $1 AND x.status = 'active'
     GROUP BY c.id ORDER BY c.id`,
    [customerId],
  )

/** All connectors of the organization, as search needs them. */
export const listSearchableConnectors = (tx: Tx, id: string | null) =>
  tx.rows<Omit<ConnectedApp, 'connections'>>(
    'SELECT id, slug, name, revision FROM connectors WHERE $1::text IS NULL OR id = $1 ORDER BY id',
    [id],
  )

/** How often each action was called of late for a customer: by its last thousand calls that succeeded. */
export const listUsedActions = (tx: Tx, customerId: string) =>
  tx.rows<{ connector: string; action: string; calls: number }>(
    `SELECT connector, action, count(*)::int AS calls FROM (
       SELECT connector, action FROM traces WHERE customer_id = $1 AND status = 'success' ORDER BY id DESC LIMIT 1000
     ) AS recent GROUP BY connector, action ORDER BY calls DESC, connector, action`,
    [customerId],
  )
