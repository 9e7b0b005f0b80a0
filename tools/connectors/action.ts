import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { type ActionRow, type ActionSummaryRow, getAction } from '../../db/actions.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { actionOf } from '../../runtime/connections/definitions.ts'
import { ActionDefinition } from '../../runtime/connectors/definition.ts'
import { Timestamp } from '../params.ts'

export const ActionRef = z.string().min(1).describe('An action’s slug, as list_actions shows it.')

/** An action as lists show it. */
export const ActionSummary = z.object({
  slug: z.string().describe('What run_action and get_action take as `action`.'),
  name: z.string(),
  description: z.string().describe('The first 300 characters.'),
  effect: z.enum(['read', 'write', 'destructive']),
})

const MAX_DESCRIPTION_CHARS = 300

export const toActionSummary = (row: ActionSummaryRow) => ({
  slug: row.slug,
  name: row.name,
  description:
    row.description.length > MAX_DESCRIPTION_CHARS
      ? `${row.description.slice(0, MAX_DESCRIPTION_CHARS - 1)}…`
      : row.description,
  effect: row.effect,
})

/** An action without its schemas, which are bundled apart. */
export const Action = ActionDefinition.omit({ inputSchema: true, outputSchema: true }).extend({
  id: z.string().describe('act_…'),
  connector: z.string().describe('The connector’s slug.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export function toAction(connector: ConnectorRow, row: ActionRow): z.input<typeof Action> {
  const { inputSchema: _input, outputSchema: _output, ...action } = actionOf(row)
  return {
    ...action,
    id: row.id,
    connector: connector.slug,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** @throws AppError `not_found` */
export async function requireAction(tx: Tx, connector: ConnectorRow, slug: string): Promise<ActionRow> {
  const row = await getAction(tx, connector.id, slug)
  if (row !== undefined) return row
  throw noAction(connector.slug, slug)
}

export const noAction = (connector: string, slug: string) =>
  notFound(
    'action',
    `${connector}.${slug}`,
    `list_actions {"connector":"${connector}","query":"…"} finds actions by what they do.`,
  )
