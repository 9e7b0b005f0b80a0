import { newId } from '../core/ids.ts'
import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export type VersionOrigin = 'import' | 'edit' | 'restore'

/** A version of a connector without its content, which may be megabytes. */
export interface ConnectorVersionRow {
  id: string
  connector_id: string
  version: number
  /** ConnectorChanges of runtime/connectors/diff; null for the first. */
  changes: JsonObject | null
  origin: VersionOrigin
  action_count: number
  pinned_customers: number
  created_by: string
  created_at: Date
}

export interface ConnectorVersionContent {
  /** As in connectors, with name, description and visibility. */
  definition: JsonObject
  schemas: JsonObject
  /** Action definitions by slug. */
  actions: Record<string, JsonObject>
}

const COLUMNS = `v.id, v.connector_id, v.version, v.changes, v.origin, v.created_by, v.created_at,
  (SELECT count(*)::int FROM jsonb_object_keys(v.actions)) AS action_count,
  (SELECT count(*)::int FROM connector_pins p WHERE p.connector_id = v.connector_id AND p.version = v.version) AS pinned_customers`

/**
 * Keeps what a connector is now as its current version, for good; the copy is made inside the database. Nothing
 * happens when that version is kept already.
 */
export const keepVersion = (
  tx: Tx,
  connectorId: string,
  kept: { origin: VersionOrigin; changes: object | null; createdBy: string },
) =>
  tx.run(
    `INSERT INTO connector_versions (id, organization_id, connector_id, version, definition, schemas, actions, changes, origin, created_by)
     SELECT $2, c.organization_id, c.id, c.version,
       c.definition || jsonb_build_object('name', c.name, 'description', c.description, 'visibility', c.visibility), c.schemas,
       coalesce((SELECT jsonb_object_agg(a.slug, a.definition) FROM actions a WHERE a.connector_id = c.id), '{}'), $3, $4, $5
     FROM connectors c WHERE c.id = $1 ON CONFLICT (connector_id, version) DO NOTHING`,
    [
      connectorId,
      newId('connectorVersion'),
      kept.changes === null ? null : toJsonb(kept.changes),
      kept.origin,
      kept.createdBy,
    ],
  )

/** Is the connector's current version kept, so that a change must begin another? */
export const isVersionKept = async (tx: Tx, connectorId: string, version: number): Promise<boolean> =>
  (await tx.row('SELECT 1 FROM connector_versions WHERE connector_id = $1 AND version = $2', [
    connectorId,
    version,
  ])) !== undefined

export const beginVersion = (tx: Tx, connectorId: string) =>
  tx.run('UPDATE connectors SET version = version + 1 WHERE id = $1', [connectorId])

export const listConnectorVersions = (
  tx: Tx,
  connectorId: string,
  page: { before: number | null; limit: number },
) =>
  tx.rows<ConnectorVersionRow>(
    `SELECT ${COLUMNS} FROM connector_versions v
     WHERE v.connector_id = $1 AND ($2::int IS NULL OR v.version < $2) ORDER BY v.version DESC LIMIT $3`,
    [connectorId, page.before, page.limit],
  )

export const getConnectorVersion = (tx: Tx, connectorId: string, version: number) =>
  tx.row<ConnectorVersionRow>(
    `SELECT ${COLUMNS} FROM connector_versions v WHERE v.connector_id = $1 AND v.version = $2`,
    [connectorId, version],
  )

/** The newest version that an import made, not after `version`: what changes by hand are told against. */
export const latestImport = (tx: Tx, connectorId: string) =>
  tx.row<ConnectorVersionContent>(
    `SELECT definition, schemas, actions FROM connector_versions
     WHERE connector_id = $1 AND origin = 'import' ORDER BY version DESC LIMIT 1`,
    [connectorId],
  )

export const getVersionContent = (tx: Tx, connectorId: string, version: number) =>
  tx.row<ConnectorVersionContent>(
    'SELECT definition, schemas, actions FROM connector_versions WHERE connector_id = $1 AND version = $2',
    [connectorId, version],
  )

/** What the connector is now, in the same form. */
export const getCurrentContent = (tx: Tx, connectorId: string) =>
  tx.row<ConnectorVersionContent>(
    `SELECT c.definition || jsonb_build_object('name', c.name, 'description', c.description, 'visibility', c.visibility) AS definition,
       c.schemas, coalesce((SELECT jsonb_object_agg(a.slug, a.definition) FROM actions a WHERE a.connector_id = c.id), '{}') AS actions
     FROM connectors c WHERE c.id = $1`,
    [connectorId],
  )

export interface PinRow {
  customer_id: string
  customer_slug: string
  version: number
  created_by: string
  created_at: Date
}

export const listPins = (tx: Tx, connectorId: string) =>
  tx.rows<PinRow>(
    `SELECT p.customer_id, c.slug AS customer_slug, p.version, p.created_by, p.created_at
     FROM connector_pins p JOIN customers c ON c.id = p.customer_id WHERE p.connector_id = $1 ORDER BY c.slug`,
    [connectorId],
  )

export const setPin = (
  tx: Tx,
  pin: {
    organizationId: string
    customerId: string
    connectorId: string
    version: number
    createdBy: string
  },
) =>
  tx.run(
    `INSERT INTO connector_pins (organization_id, customer_id, connector_id, version, created_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (connector_id, customer_id) DO UPDATE SET version = excluded.version, created_by = excluded.created_by, created_at = now()`,
    [pin.organizationId, pin.customerId, pin.connectorId, pin.version, pin.createdBy],
  )

export const removePin = (tx: Tx, connectorId: string, customerId: string) =>
  tx.run('DELETE FROM connector_pins WHERE connector_id = $1 AND customer_id = $2', [connectorId, customerId])

/** The version a customer is pinned to; undefined: none, the current one is used. */
export const pinnedVersion = async (
  tx: Tx,
  connectorId: string,
  customerId: string,
): Promise<number | undefined> =>
  (
    await tx.row<{ version: number }>(
      'SELECT version FROM connector_pins WHERE connector_id = $1 AND customer_id = $2',
      [connectorId, customerId],
    )
  )?.version

/** One action of a kept version, with the connector as it was, but for its schemas. */
export const getVersionAction = (tx: Tx, connectorId: string, version: number, slug: string) =>
  tx.row<{ definition: JsonObject; action: JsonObject | null }>(
    'SELECT definition, actions -> $3 AS action FROM connector_versions WHERE connector_id = $1 AND version = $2',
    [connectorId, version, slug],
  )

/** The connector as a kept version has it, without actions and schemas. */
export async function getVersionDefinition(
  tx: Tx,
  connectorId: string,
  version: number,
): Promise<JsonObject> {
  const row = await tx.row<{ definition: JsonObject }>(
    'SELECT definition FROM connector_versions WHERE connector_id = $1 AND version = $2',
    [connectorId, version],
  )
  if (row === undefined)
    throw new Error(`version ${version} of ${connectorId}, which a pin names, is not kept`)
  return row.definition
}

export const getVersionSchemas = async (tx: Tx, connectorId: string, version: number): Promise<JsonObject> =>
  (
    await tx.row<{ schemas: JsonObject }>(
      'SELECT schemas FROM connector_versions WHERE connector_id = $1 AND version = $2',
      [connectorId, version],
    )
  )?.schemas ?? {}

/** Auth methods that connections of the connector were made with. */
export const authMethodsInUse = (tx: Tx, connectorId: string) =>
  tx.rows<{ slug: string; connections: number }>(
    `SELECT auth_method AS slug, count(*)::int AS connections FROM connections WHERE connector_id = $1
     GROUP BY auth_method ORDER BY auth_method`,
    [connectorId],
  )

export interface UseRow {
  workflow: string
  version: number
  deployed: boolean
  source: string
}

/** Versions of workflows that call the connector: the newest of each, and those deployed. */
export const workflowsUsing = (tx: Tx, connectorSlug: string) =>
  tx.rows<UseRow>(
    `SELECT w.slug AS workflow, v.version, EXISTS (SELECT FROM deployments d WHERE d.workflow_version_id = v.id AND d.active) AS deployed, v.source
     FROM workflow_versions v JOIN workflows w ON w.id = v.workflow_id
     WHERE $1 = ANY (v.connectors)
       AND (v.version = w.latest_version OR EXISTS (SELECT FROM deployments d WHERE d.workflow_version_id = v.id AND d.active))
     ORDER BY w.slug, v.version DESC`,
    [connectorSlug],
  )

/** Does a workflow that is deployed to a production environment call the connector? */
export const isUsedInProduction = async (tx: Tx, connectorSlug: string): Promise<boolean> =>
  (await tx.row(
    `SELECT 1 FROM deployments d
     JOIN environments e ON e.organization_id = d.organization_id AND e.slug = d.environment AND e.production
     JOIN workflow_versions v ON v.id = d.workflow_version_id
     WHERE d.active AND $1 = ANY (v.connectors) LIMIT 1`,
    [connectorSlug],
  )) !== undefined
