import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { reachableApps } from './connected-apps.ts'

const MAX_DESCRIPTION_CHARS = 160

export const searchActions = defineTool({
  name: 'search_actions',
  title: 'Search actions',
  description:
    'Finds what can be done in the connected apps by what you want to do, best first: over a customer’s active connections, or all your connectors. Then describe_action shows the input of one and run_action runs it.',
  input: z.object({
    query: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .describe(
        'What you want to do, in one sentence; name the app if you know it, e.g. "create a GitHub issue".',
      ),
    connectors: z
      .array(z.string().min(1))
      .max(100)
      .optional()
      .describe('Only in these apps (connector slugs).'),
    effect: z
      .enum(['read', 'write', 'destructive'])
      .nullable()
      .default(null)
      .describe('Only actions that do this.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe(
        'Customer (id or slug) whose connected apps are searched; left out, the key’s own, or all connectors.',
      ),
    limit: z.coerce.number().int().min(1).max(50).default(8).describe('How many to return, 1–50.'),
  }),
  output: z.object({
    actions: z.array(
      z.object({
        connector: z.string(),
        action: z.string().describe('Give both to describe_action and run_action.'),
        name: z.string(),
        description: z.string(),
        effect: z.enum(['read', 'write', 'destructive']),
      }),
    ),
    searched: z.array(z.string()).describe('The apps that were searched.'),
  }),
  permission: 'connections.execute',
  effect: 'read',
  http: 'GET /gateway/actions',
  async run(context, input) {
    const { apps } = await context.read((tx) => reachableApps(tx, context, input.customer))
    const connectors = apps.filter(({ slug }) => input.connectors?.includes(slug) ?? true)
    const found = await context.services.actionSearch.search(
      { organizationId: context.actor.organizationId, connectors, read: context.read },
      { query: input.query, effect: input.effect },
    )
    const slugOf = new Map(connectors.map(({ id, slug }) => [id, slug]))
    return {
      actions: found.slice(0, input.limit).map((action) => ({
        connector: slugOf.get(action.connectorId) ?? '',
        action: action.slug,
        name: action.name,
        description: brief(action.description),
        effect: action.effect,
      })),
      searched: connectors.map(({ slug }) => slug),
    }
  },
})

/** One line: search results are chosen from, describe_action tells the rest. */
function brief(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_DESCRIPTION_CHARS ? `${line.slice(0, MAX_DESCRIPTION_CHARS - 1)}…` : line
}
