import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'

/** What declares a connector to workflows; the schemas and actions are loaded when they are asked for. */
export interface DeclaredConnectorRow {
  id: string
  slug: string
  name: string
  description: string
  revision: number
}

/** All connectors of the organization, by slug. */
export const listDeclaredConnectors = (tx: Tx) =>
  tx.rows<DeclaredConnectorRow>('SELECT id, slug, name, description, revision FROM connectors ORDER BY slug')

/** Some actions of a connector (null: all) with their definitions, by slug. */
export const listTypedActions = (tx: Tx, connectorId: string, slugs: readonly string[] | null) =>
  tx.rows<{ definition: JsonObject }>(
    'SELECT definition FROM actions WHERE connector_id = $1 AND ($2::text[] IS NULL OR slug = ANY ($2)) ORDER BY slug',
    [connectorId, slugs],
  )

export const listActionSlugs = async (tx: Tx, connectorId: string): Promise<string[]> =>
  (
    await tx.rows<{ slug: string }>('SELECT slug FROM actions WHERE connector_id = $1 ORDER BY slug', [
      connectorId,
    ])
  ).map(({ slug }) => slug)

export const getInputSchema = async (tx: Tx, connector: string, action: string): Promise<unknown> =>
  (
    await tx.row<{ schema: unknown }>(
      `SELECT a.definition -> 'inputSchema' AS schema FROM actions a JOIN connectors c ON c.id = a.connector_id
       WHERE c.slug = $1 AND a.slug = $2`,
      [connector, action],
    )
  )?.schema
