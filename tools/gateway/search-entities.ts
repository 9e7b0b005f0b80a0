import { z } from 'zod'
import { AppError, toAppError } from '../../core/errors.ts'
import type { ConnectedApp } from '../../db/action-documents.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import { reachableApps } from './connected-apps.ts'
import { type EntityAction, entityAction, recordMatches, recordsIn } from './entity-actions.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'

/** One call of each app, and no app beyond these: a search is a question, not a crawl. */
const MAX_APPS = 10
const APP_DEADLINE_MS = 10_000
const MAX_RECORD_CHARS = 4_000

export const searchEntities = defineTool({
  name: 'search_entities',
  title: 'Search entities',
  description:
    'Finds records of one kind (contact, invoice, issue, file, …) over all apps a customer has connected, by calling one list or search action of each. Says which apps were asked, which failed, and which have no such records.',
  input: z.object({
    entityType: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .describe('The kind of record, in one word or two, e.g. "contact".'),
    query: z.string().trim().max(500).default('').describe('Words the record holds; empty: any.'),
    integrations: z
      .array(z.string().min(1))
      .max(50)
      .optional()
      .describe('Only these apps (connector slugs).'),
    customer: GatewayCustomer,
    limit: z.coerce.number().int().min(1).max(50).default(10).describe('Records per app, 1–50.'),
  }),
  output: z.object({
    results: z.array(
      z.object({
        integration: z.string(),
        action: z.string().describe('The action that gave it.'),
        record: z.unknown().describe('As the app gave it; only its plain fields when it is large.'),
      }),
    ),
    asked: z.array(z.string()).describe('Apps that answered.'),
    failed: z.array(z.object({ integration: z.string(), action: z.string(), error: z.string() })),
    skipped: z.array(z.object({ integration: z.string(), reason: z.string() })),
  }),
  permission: 'connections.execute',
  effect: 'read',
  openWorld: true,
  http: 'GET /gateway/entities/:entityType',
  async run(context, input) {
    const { customerId, apps } = await context.read(async (tx) => {
      const customerId = await requireActingCustomer(tx, context.actor, input.customer)
      return { customerId, apps: (await reachableApps(tx, context, customerId)).apps }
    })
    const wanted = apps.filter(({ slug }) => input.integrations?.includes(slug) ?? true)
    const skipped = wanted.slice(MAX_APPS).map(({ slug }) => ({
      integration: slug,
      reason: `Only ${MAX_APPS} apps are asked at once; name it in \`integrations\`.`,
    }))
    const outcomes = await Promise.all(
      wanted.slice(0, MAX_APPS).map(async (app) => {
        const choice = await chooseAction(context, app, input.entityType)
        if (choice === undefined) {
          return {
            skip: {
              integration: app.slug,
              reason: 'It has no action that lists such records without further input.',
            },
          }
        }
        return askApp(context, app, choice, { ...input, customerId })
      }),
    )
    return {
      results: outcomes.flatMap((outcome) => outcome.records ?? []),
      asked: outcomes.flatMap((outcome) => outcome.asked ?? []),
      failed: outcomes.flatMap((outcome) => outcome.failure ?? []),
      skipped: [...outcomes.flatMap((outcome) => outcome.skip ?? []), ...skipped],
    }
  },
})

interface Outcome {
  records?: { integration: string; action: string; record: unknown }[]
  asked?: string
  failure?: { integration: string; action: string; error: string }
  skip?: { integration: string; reason: string }
}

async function chooseAction(
  context: ToolContext,
  app: ConnectedApp,
  type: string,
): Promise<EntityAction | undefined> {
  const found = await context.services.actionSearch.search(
    { organizationId: context.actor.organizationId, connectors: [app], read: context.read },
    { query: `list ${type}`, effect: 'read' },
  )
  return entityAction(found, type)
}

async function askApp(
  { services, actor, signal }: ToolContext,
  app: ConnectedApp,
  { action, queryKey }: EntityAction,
  want: { query: string; limit: number; customerId: string },
): Promise<Outcome> {
  const text = want.query
  const deadline = AbortSignal.timeout(APP_DEADLINE_MS)
  try {
    const { output } = await services.catalog.call(
      'run_action',
      {
        connector: app.slug,
        action: action.slug,
        customer: want.customerId,
        input:
          queryKey === null || (text === '' && !action.required.includes(queryKey))
            ? {}
            : { [queryKey]: text },
      },
      { actor, signal: AbortSignal.any([signal, deadline]) },
    )
    const records = recordsIn(output).filter((record) => queryKey !== null || recordMatches(record, text))
    return {
      asked: app.slug,
      records: records
        .slice(0, want.limit)
        .map((record) => ({ integration: app.slug, action: action.slug, record: bounded(record) })),
    }
  } catch (cause) {
    const error = deadline.aborted
      ? new AppError('timeout', `No answer in ${APP_DEADLINE_MS / 1000} s.`)
      : toAppError(cause)
    return {
      failure: { integration: app.slug, action: action.slug, error: `${error.code}: ${error.message}` },
    }
  }
}

function bounded(record: unknown): unknown {
  if (
    (JSON.stringify(record)?.length ?? 0) <= MAX_RECORD_CHARS ||
    typeof record !== 'object' ||
    record === null
  )
    return record
  return Object.fromEntries(
    Object.entries(record).filter(
      ([, value]) => value === null || (typeof value !== 'object' && String(value).length <= 200),
    ),
  )
}
