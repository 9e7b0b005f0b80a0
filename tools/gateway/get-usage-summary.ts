import { z } from 'zod'
import { countCalls, countEvents, countExecutions } from '../../db/integrations.ts'
import { defineTool } from '../define-tool.ts'
import { Timestamp } from '../params.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'

const DAY_MS = 24 * 60 * 60_000

export const getUsageSummary = defineTool({
  name: 'get_usage_summary',
  title: 'Get a usage summary',
  description:
    'What a customer used over some days: events, runs by outcome, and calls to each app with their errors.',
  input: z.object({
    customer: GatewayCustomer,
    days: z.coerce.number().int().min(1).max(366).default(30).describe('How many days back, 1–366.'),
  }),
  output: z.object({
    since: Timestamp,
    events: z.number().int(),
    executions: z.object({
      total: z.number().int(),
      byStatus: z.record(z.string(), z.number().int()).describe('completed, failed, timeout, …'),
    }),
    calls: z.object({
      total: z.number().int(),
      errors: z.number().int(),
      byConnector: z.array(
        z.object({
          connector: z.string(),
          calls: z.number().int(),
          errors: z.number().int(),
          averageMs: z.number().int().nullable(),
        }),
      ),
    }),
  }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /gateway/usage',
  async run({ actor, read }, input) {
    const since = new Date(Date.now() - input.days * DAY_MS)
    return read(async (tx) => {
      const customerId = await requireActingCustomer(tx, actor, input.customer)
      const byConnector = await countCalls(tx, { customerId, since, connector: null })
      const executions = await countExecutions(tx, { customerId, since })
      const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)
      return {
        since,
        events: await countEvents(tx, { customerId, since }),
        executions: {
          total: sum(executions.map(({ n }) => n)),
          byStatus: Object.fromEntries(executions.map(({ status, n }) => [status, n])),
        },
        calls: {
          total: sum(byConnector.map(({ calls }) => calls)),
          errors: sum(byConnector.map(({ errors }) => errors)),
          byConnector,
        },
      }
    })
  },
})
