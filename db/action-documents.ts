import type { JsonObject } from '../core/json.ts'
import { getVersionSchemas } from './connector-versions.ts'
import { getConnectorSchemas } from './connectors.ts'
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

/** What a connector is for somebody: as it is now, or a version that a customer is held on. */
export interface Edition {
  /** The connector's. */
  id: string
  /** Null: as it is now. */
  pinned: number | null
}

/** Names an edition's content: another key, other content. */
export const editionKey = ({ id, pinned, revision }: Edition & { revision: number }): string =>
  pinned === null ? `${id}:${revision}` : `${id}@${pinned}`

/** Actions of the edition $1, $2. Those of a version have no rows, and so no ids, of their own. */
const ACTIONS = `(
  SELECT id, slug, definition FROM actions WHERE connector_id = $1 AND $2::int IS NULL
  UNION ALL
  SELECT $1 || '@' || $2 || '.' || a.key, a.key, a.value
  FROM connector_versions v CROSS JOIN LATERAL jsonb_each(v.actions) a WHERE v.connector_id = $1 AND v.version = $2
) AS actions`

/** Every action of a connector's edition, by slug. */
export const listActionDocuments = (tx: Tx, { id, pinned }: Edition) =>
  tx.rows<ActionDocumentRow>(
    `SELECT id, $1::text AS "connectorId", slug, definition->>'name' AS name, definition->>'description' AS description,
       definition->>'effect' AS effect,
       coalesce(definition->>'method', '') AS method, coalesce(definition->>'path', '') AS path,
       coalesce(definition->'tags', '[]') AS tags, coalesce((definition->>'deprecated')::boolean, false) AS deprecated,
       coalesce(definition->'inputSchema'->'required', '[]') AS required,
       ARRAY(SELECT jsonb_object_keys(CASE WHEN jsonb_typeof(definition->'inputSchema'->'properties') = 'object'
         THEN definition->'inputSchema'->'properties' ELSE '{}' END)) AS "inputKeys"
     FROM ${ACTIONS} ORDER BY slug`,
    [id, pinned],
  )

/** Definitions of some actions of one connector's edition. */
export const getActionDefinitions = (tx: Tx, { id, pinned }: Edition, slugs: readonly string[]) =>
  tx.rows<{ slug: string; definition: JsonObject }>(
    `SELECT slug, definition FROM ${ACTIONS} WHERE slug = ANY($3)`,
    [id, pinned, slugs],
  )

/** The shared schemas of a connector's edition. */
export const getEditionSchemas = (tx: Tx, { id, pinned }: Edition): Promise<JsonObject> =>
  pinned === null ? getConnectorSchemas(tx, id) : getVersionSchemas(tx, id, pinned)

export interface ConnectedApp extends Edition {
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
       (SELECT p.version FROM connector_pins p WHERE p.connector_id = c.id AND p.customer_id = $1) AS pinned,
       jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name, 'isDefault', x.is_default) ORDER BY x.id) AS connections
     FROM connections x JOIN connectors c ON c.id = x.connector_id
     WHERE x.customer_id = $1 AND x.status = 'active'
     GROUP BY c.id ORDER BY c.id`,
    [customerId],
  )

/** All connectors of the organization, as search needs them. */
export const listSearchableConnectors = (tx: Tx, id: string | null) =>
  tx.rows<Omit<ConnectedApp, 'connections'>>(
    'SELECT id, slug, name, revision, NULL::int AS pinned FROM connectors WHERE $1::text IS NULL OR id = $1 ORDER BY id',
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
