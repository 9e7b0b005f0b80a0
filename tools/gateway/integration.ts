import { z } from 'zod'
import type { IntegrationRow } from '../../db/integrations.ts'

const ConnectionStatus = z.enum(['active', 'inactive', 'expired', 'failed'])

export const Integration = z.object({
  integration: z
    .string()
    .describe('The connector’s slug: what other tools take as `integration` or `connector`.'),
  name: z.string(),
  status: z
    .enum(['active', 'inactive', 'expired', 'failed', 'not_connected'])
    .describe('active: its actions can be run. Otherwise a connection must be made or renewed first.'),
  actionCount: z.number().int(),
  connections: z.array(
    z.object({
      id: z.string().describe('cxn_…'),
      name: z.string(),
      status: ConnectionStatus,
      statusReason: z.string().nullable(),
      isDefault: z.boolean(),
      lastUsedAt: z.string().nullable(),
    }),
  ),
})

/** One active connection makes an integration active; else the default's state is the one to mend. */
export function toIntegration(row: IntegrationRow): z.input<typeof Integration> {
  const { connections } = row
  const telling =
    connections.find(({ status }) => status === 'active') ??
    connections.find(({ isDefault }) => isDefault) ??
    connections[0]
  return {
    integration: row.slug,
    name: row.name,
    status: telling?.status ?? 'not_connected',
    actionCount: row.action_count,
    connections,
  }
}
