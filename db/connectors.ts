import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** A connector without its schemas and actions, which may be megabytes. */
export interface ConnectorRow {
  id: string
  slug: string
  name: string
  description: string
  visibility: 'private' | 'public'
  /** Everything of the definition but its actions and shared schemas. */
  definition: JsonObject
  revision: number
  /** Counts its versions: what it is now is this one, kept or not yet. */
  version: number
  action_count: number
  created_at: Date
  updated_at: Date
}

const COLUMNS =
  'id, slug, name, description, visibility, definition, revision, version, (SELECT count(*)::int FROM actions a WHERE a.connector_id = connectors.id) AS action_count, created_at, updated_at'

export interface ConnectorContent {
  name: string
  description: string
  visibility: 'private' | 'public'
  definition: object
  schemas: object
}

export const insertConnector = (
  tx: Tx,
  connector: ConnectorContent & { id: string; organizationId: string; slug: string },
) =>
  tx.row<ConnectorRow>(
    `INSERT INTO connectors (id, organization_id, slug, name, description, visibility, definition, schemas)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
    [
      connector.id,
      connector.organizationId,
      connector.slug,
      connector.name,
      connector.description,
      connector.visibility,
      toJsonb(connector.definition),
      toJsonb(connector.schemas),
    ],
  )

/** By id or slug. */
export const findConnector = (tx: Tx, ref: string) =>
  tx.row<ConnectorRow>(`SELECT ${COLUMNS} FROM connectors WHERE id = $1 OR slug = $1 LIMIT 1`, [ref])

/** The same, locked: changes of one connector and its actions wait for one another. */
export const lockConnector = (tx: Tx, ref: string) =>
  tx.row<ConnectorRow>(`SELECT ${COLUMNS} FROM connectors WHERE id = $1 OR slug = $1 LIMIT 1 FOR UPDATE`, [
    ref,
  ])

export const getConnectorSchemas = async (tx: Tx, id: string): Promise<JsonObject> =>
  (await tx.row<{ schemas: JsonObject }>('SELECT schemas FROM connectors WHERE id = $1', [id]))?.schemas ?? {}

export const listConnectors = (
  tx: Tx,
  page: { query: string | null; cursor: string | null; limit: number },
) =>
  tx.rows<ConnectorRow>(
    `SELECT ${COLUMNS} FROM connectors
     WHERE ($1::text IS NULL OR name ILIKE '%' || $1 || '%' OR slug ILIKE '%' || $1 || '%' OR description ILIKE '%' || $1 || '%')
       AND ($2::text IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [page.query, page.cursor, page.limit],
  )

/** Changes what is given and counts a revision. */
export const updateConnector = (tx: Tx, id: string, change: Partial<ConnectorContent>) =>
  tx.row<ConnectorRow>(
    `UPDATE connectors SET name = coalesce($2, name), description = coalesce($3, description), visibility = coalesce($4, visibility),
       definition = coalesce($5, definition), schemas = coalesce($6, schemas), revision = revision + 1, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [
      id,
      change.name,
      change.description,
      change.visibility,
      change.definition === undefined ? undefined : toJsonb(change.definition),
      change.schemas === undefined ? undefined : toJsonb(change.schemas),
    ],
  )

export const deleteConnector = (tx: Tx, id: string) => tx.run('DELETE FROM connectors WHERE id = $1', [id])

/** Where the newest import was read from: {url, baseUrl?, include?}. */
export const getImportedFrom = async (tx: Tx, id: string): Promise<JsonObject | null> =>
  (
    await tx.row<{ imported_from: JsonObject | null }>('SELECT imported_from FROM connectors WHERE id = $1', [
      id,
    ])
  )?.imported_from ?? null

/** Null: from no address. */
export const setImportedFrom = (tx: Tx, id: string, source: object | null) =>
  tx.run('UPDATE connectors SET imported_from = $2 WHERE id = $1', [
    id,
    source === null ? null : toJsonb(source),
  ])
