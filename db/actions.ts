import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface ActionSummaryRow {
  id: string
  slug: string
  name: string
  description: string
  effect: 'read' | 'write' | 'destructive'
}

export interface ActionRow extends ActionSummaryRow {
  connector_id: string
  definition: JsonObject
  created_at: Date
  updated_at: Date
}

const SUMMARY = 'id, slug, name, description, effect'
const COLUMNS = `${SUMMARY}, connector_id, definition, created_at, updated_at`
/** Rows of one statement: large specs have a thousand actions and megabytes of definitions. */
const ROWS_PER_STATEMENT = 250

export interface NewAction {
  id: string
  slug: string
  name: string
  description: string
  effect: ActionSummaryRow['effect']
  definition: object
}

const FROM_JSON =
  'SELECT r.id, $1, $2, r.slug, r.name, r.description, r.effect, r.definition FROM jsonb_to_recordset($3) AS r(id text, slug text, name text, description text, effect text, definition jsonb)'

/** Adds many actions in few statements. A slug the connector has already breaks the unique constraint. */
export async function insertActions(
  tx: Tx,
  connector: { id: string; organizationId: string },
  actions: readonly NewAction[],
): Promise<void> {
  for (let from = 0; from < actions.length; from += ROWS_PER_STATEMENT) {
    await tx.run(
      `INSERT INTO actions (id, organization_id, connector_id, slug, name, description, effect, definition) ${FROM_JSON}`,
      [connector.organizationId, connector.id, toJsonb(actions.slice(from, from + ROWS_PER_STATEMENT))],
    )
  }
}

/** Makes the connector's actions these: same slugs keep their ids, the rest of the old ones go. */
export async function replaceActions(
  tx: Tx,
  connector: { id: string; organizationId: string },
  actions: readonly NewAction[],
): Promise<void> {
  await tx.run('DELETE FROM actions WHERE connector_id = $1 AND NOT slug = ANY($2)', [
    connector.id,
    actions.map(({ slug }) => slug),
  ])
  for (let from = 0; from < actions.length; from += ROWS_PER_STATEMENT) {
    await tx.run(
      `INSERT INTO actions (id, organization_id, connector_id, slug, name, description, effect, definition) ${FROM_JSON}
       ON CONFLICT (connector_id, slug) DO UPDATE SET name = excluded.name, description = excluded.description,
         effect = excluded.effect, definition = excluded.definition, updated_at = now()`,
      [connector.organizationId, connector.id, toJsonb(actions.slice(from, from + ROWS_PER_STATEMENT))],
    )
  }
}

export const getAction = (tx: Tx, connectorId: string, slug: string) =>
  tx.row<ActionRow>(`SELECT ${COLUMNS} FROM actions WHERE connector_id = $1 AND slug = $2`, [
    connectorId,
    slug,
  ])

/** Every definition of a connector, by slug. */
export const listActionDefinitions = (tx: Tx, connectorId: string) =>
  tx.rows<{ definition: JsonObject }>(
    'SELECT definition FROM actions WHERE connector_id = $1 ORDER BY slug',
    [connectorId],
  )

export const listActions = (
  tx: Tx,
  connectorId: string,
  page: { effect: string | null; offset: number; limit: number },
) =>
  tx.rows<ActionSummaryRow>(
    `SELECT ${SUMMARY} FROM actions WHERE connector_id = $1 AND ($2::text IS NULL OR effect = $2)
     ORDER BY slug LIMIT $3 OFFSET $4`,
    [connectorId, page.effect, page.limit, page.offset],
  )

export const updateAction = (tx: Tx, id: string, action: Omit<NewAction, 'id' | 'slug'>) =>
  tx.row<ActionRow>(
    `UPDATE actions SET name = $2, description = $3, effect = $4, definition = $5, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, action.name, action.description, action.effect, toJsonb(action.definition)],
  )

export const deleteAction = (tx: Tx, id: string) => tx.run('DELETE FROM actions WHERE id = $1', [id])
