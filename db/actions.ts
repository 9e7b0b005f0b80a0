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

/**
 * Actions that fit a query, best first. Any of its words may match (an agent's wording is rarely the API's);
 * full-text rank counts most, then similarity of the slug's words. Where no word is found as a whole, its
 * letters are looked for inside slugs and names.
 */
export const searchActions = (
  tx: Tx,
  connectorId: string,
  page: { query: string; effect: string | null; offset: number; limit: number },
) =>
  tx.rows<ActionSummaryRow>(
    `WITH q AS (
       SELECT plainto_tsquery('english', $2) AS every_word,
              replace(plainto_tsquery('english', $2)::text, '&', '|')::tsquery AS any_word
     ), found AS (
       SELECT ${SUMMARY}, ts_rank_cd(search, every_word, 1) * 4 + ts_rank(search, any_word, 1) AS rank
       FROM actions, q WHERE connector_id = $1 AND ($3::text IS NULL OR effect = $3) AND search @@ any_word
     ), inside AS (
       SELECT ${SUMMARY}, 0::real AS rank FROM actions
       WHERE connector_id = $1 AND ($3::text IS NULL OR effect = $3) AND NOT EXISTS (SELECT FROM found)
         AND (slug ILIKE '%' || $2 || '%' OR name ILIKE '%' || $2 || '%' OR description ILIKE '%' || $2 || '%')
     )
     SELECT ${SUMMARY} FROM (SELECT * FROM found UNION ALL SELECT * FROM inside) AS hits
     ORDER BY rank DESC, slug LIMIT $4 OFFSET $5`,
    [connectorId, page.query, page.effect, page.limit, page.offset],
  )

export const updateAction = (tx: Tx, id: string, action: Omit<NewAction, 'id' | 'slug'>) =>
  tx.row<ActionRow>(
    `UPDATE actions SET name = $2, description = $3, effect = $4, definition = $5, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, action.name, action.description, action.effect, toJsonb(action.definition)],
  )

export const deleteAction = (tx: Tx, id: string) => tx.run('DELETE FROM actions WHERE id = $1', [id])
