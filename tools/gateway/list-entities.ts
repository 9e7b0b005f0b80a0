import { z } from 'zod'
import { listActionDocuments } from '../../db/action-documents.ts'
import { defineTool } from '../define-tool.ts'
import { reachableApps } from './connected-apps.ts'
import { entityOf } from './entity-actions.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'

export const listEntities = defineTool({
  name: 'list_entities',
  title: 'List entities',
  description:
    'The kinds of records that can be looked for in the apps a customer has connected, with the apps that have them. search_entities finds records of one kind.',
  input: z.object({ customer: GatewayCustomer }),
  output: z.object({
    entities: z.array(
      z.object({
        entityType: z.string(),
        integrations: z.array(z.object({ integration: z.string(), action: z.string() })),
      }),
    ),
  }),
  permission: 'connections.execute',
  effect: 'read',
  http: 'GET /gateway/entities',
  async run(context, input) {
    const found = await context.read(async (tx) => {
      const customerId = await requireActingCustomer(tx, context.actor, input.customer)
      const { apps } = await reachableApps(tx, context, customerId)
      const types = new Map<string, Map<string, string>>()
      for (const app of apps) {
        for (const row of await listActionDocuments(tx, app)) {
          const type = entityOf({ ...row, app: app.slug })
          if (type === null) continue
          const byApp = types.get(type) ?? new Map<string, string>()
          if (!byApp.has(app.slug)) byApp.set(app.slug, row.slug)
          types.set(type, byApp)
        }
      }
      return types
    })
    return {
      entities: [...found]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([entityType, byApp]) => ({
          entityType,
          integrations: [...byApp].map(([integration, action]) => ({ integration, action })),
        })),
    }
  },
})
