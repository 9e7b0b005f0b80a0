import type { Json, JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** What an action answers in place of its app. */
export interface MockAnswer {
  /** Only calls whose input holds this; null: any. */
  when: JsonObject | null
  status: number
  headers: Record<string, string>
  output: Json
}

export interface ActionMockRow {
  action: string
  scenario: string
  /** The first that fits the input is given. */
  answers: MockAnswer[]
  created_at: Date
  updated_at: Date
}

const COLUMNS = 'a.slug AS action, m.scenario, m.answers, m.created_at, m.updated_at'

/** Keeps the answers of one scenario of an action, in place of those it had. */
export const setActionMock = (
  tx: Tx,
  organizationId: string,
  mock: { actionId: string; scenario: string; answers: readonly MockAnswer[] },
) =>
  tx.row<{ created: boolean; created_at: Date; updated_at: Date }>(
    `INSERT INTO action_mocks (organization_id, action_id, scenario, answers) VALUES ($1, $2, $3, $4)
     ON CONFLICT (action_id, scenario) DO UPDATE SET answers = excluded.answers, updated_at = now()
     RETURNING xmax = 0 AS created, created_at, updated_at`,
    [organizationId, mock.actionId, mock.scenario, toJsonb(mock.answers)],
  )

/** Those of a connector (of one of its actions), by action, then scenario. */
export const listActionMocks = (
  tx: Tx,
  connectorId: string,
  page: { action: string | null; offset: number; limit: number },
) =>
  tx.rows<ActionMockRow>(
    `SELECT ${COLUMNS} FROM action_mocks m JOIN actions a ON a.id = m.action_id
     WHERE a.connector_id = $1 AND ($2::text IS NULL OR a.slug = $2) ORDER BY a.slug, m.scenario LIMIT $3 OFFSET $4`,
    [connectorId, page.action, page.limit, page.offset],
  )

/** Those of an action of a connector (id or slug), by scenario. */
export const mocksOfAction = (tx: Tx, connector: string, action: string) =>
  tx.rows<ActionMockRow>(
    `SELECT ${COLUMNS} FROM action_mocks m JOIN actions a ON a.id = m.action_id JOIN connectors c ON c.id = a.connector_id
     WHERE (c.id = $1 OR c.slug = $1) AND a.slug = $2 ORDER BY m.scenario`,
    [connector, action],
  )

/** Was there one? */
export const deleteActionMock = async (tx: Tx, actionId: string, scenario: string): Promise<boolean> =>
  (await tx.run('DELETE FROM action_mocks WHERE action_id = $1 AND scenario = $2', [actionId, scenario])) > 0
