import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { getConnection } from '../../db/connections.ts'
import { findConnector } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { countCalls, listIntegrations } from '../../db/integrations.ts'
import { defineTool } from '../define-tool.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'
import { Integration, toIntegration } from './integration.ts'

const RECENT_MS = 24 * 60 * 60_000

export const getIntegrationStatus = defineTool({
  name: 'get_integration_status',
  title: 'Get an integration’s status',
  description:
    'Whether one app of a customer can be used now, how its calls of the last 24 hours went, and what to do when it cannot.',
  input: z.object({
    integration: z.string().min(1).describe('The connector’s slug or id, or the id of a connection (cxn_…).'),
    customer: GatewayCustomer,
  }),
  output: z.object({
    integration: Integration,
    last24Hours: z.object({
      calls: z.number().int(),
      errors: z.number().int(),
      averageMs: z.number().int().nullable(),
    }),
    next: z.string().nullable().describe('What to do; null when nothing needs doing.'),
  }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /gateway/integrations/:integration',
  async run({ actor, read }, input) {
    const { row, counts } = await read(async (tx) => {
      const customerId = await requireActingCustomer(tx, actor, input.customer)
      const connectorId = await connectorOf(tx, customerId, input.integration)
      const [row] = await listIntegrations(tx, { customerId, connectorId, all: true })
      if (row === undefined) throw unknown(input.integration)
      const since = new Date(Date.now() - RECENT_MS)
      return { row, counts: await countCalls(tx, { customerId, since, connector: row.slug }) }
    })
    const integration = toIntegration(row)
    const [{ calls, errors, averageMs } = { calls: 0, errors: 0, averageMs: null }] = counts
    return { integration, last24Hours: { calls, errors, averageMs }, next: nextStep(integration) }
  },
})

const unknown = (ref: string) =>
  notFound('integration', ref, 'list_integrations {"includeNotConnected":true} shows the ones there are.')

async function connectorOf(tx: Tx, customerId: string, ref: string): Promise<string> {
  if (!ref.startsWith('cxn_')) {
    const connector = await findConnector(tx, ref)
    if (connector === undefined) throw unknown(ref)
    return connector.id
  }
  const connection = await getConnection(tx, ref)
  if (connection === undefined || connection.customer_id !== customerId) throw unknown(ref)
  return connection.connector_id
}

function nextStep({ status, name, integration, connections }: z.input<typeof Integration>): string | null {
  const broken = connections.find((connection) => connection.status === status)
  if (status === 'active') return null
  if (status === 'not_connected') {
    return `create_connect_link {"connector":"${integration}"} makes a link by which its owner connects ${name}.`
  }
  if (status === 'inactive')
    return `It was switched off: update_connection {"connection":"${broken?.id}","status":"active"}.`
  return `Its credentials are no longer accepted (${broken?.statusReason ?? status}): give it new ones with update_connection {"connection":"${broken?.id}"}, or give its owner a link: create_connect_link {"connection":"${broken?.id}"}.`
}
