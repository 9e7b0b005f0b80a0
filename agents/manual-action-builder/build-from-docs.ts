import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { AuthMethod, Pagination } from '../../runtime/connectors/definition.ts'
import type { RunModel } from '../models/models.ts'
import { promptData } from '../prompt-data.ts'
import type { ToolCall } from '../tool-call.ts'

const DraftAction = z.object({
  slug: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/)
    .max(64)
    .describe('snake_case, e.g. create_invoice.'),
  name: z.string().min(1).max(200),
  description: z.string().describe('What it does and returns.'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().startsWith('/').describe('Below the base URL; {name} for path parameters.'),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.enum(['path', 'query', 'header']),
        required: z.boolean(),
        explode: z
          .boolean()
          .nullable()
          .default(null)
          .describe(
            'Of a list: true: the parameter is repeated; false: joined by commas; null: not said, or no list.',
          ),
      }),
    )
    .describe('Of path, query and headers; without authentication.'),
  bodyType: z
    .enum(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    .nullable()
    .describe('Content type of the body, made of every input that is no parameter; null: it takes none.'),
  inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of the whole input: an object.'),
  outputSchema: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('JSON Schema of the answer; null: not documented.'),
  pagination: Pagination.nullable()
    .default(null)
    .describe('How pages follow each other; null: no list in pages.'),
  citations: z.array(z.string()).describe('Ids of the passages this is founded on.'),
})
export type DraftAction = z.output<typeof DraftAction>

/** What a model writes at once. */
export const MAX_ACTIONS = 40

const Draft = z.object({
  name: z.string().min(1).max(200).describe('Name of the app.'),
  baseUrl: z
    .string()
    .nullable()
    .describe(
      'Absolute address that all paths are appended to, letter by letter as a passage says it; null: none says it.',
    ),
  authMethods: z.array(AuthMethod).min(1),
  actions: z.array(DraftAction).min(1).max(MAX_ACTIONS),
})
export type Draft = z.output<typeof Draft>

const SYSTEM = `You write the definition of an API's actions from its documentation.
State only what the passages say: no address, parameter or field that stands in none of them. Cite for each action the
ids of the passages it is founded on. A credential is an auth method, never a parameter.`

const PASSAGES = 20
const PASSAGES_PER_OPERATION = 3
const MAX_PASSAGES = 80
const FOUND = 10
const GENERAL = [
  'base URL of the API',
  'address, host or server that all requests are sent to',
  'authentication: how requests are authorized',
  'list of endpoints, methods and paths',
  'pages of a list, cursor, next page',
  'create',
  'get, list, search',
  'update, delete',
]

/** What a connector is to be able to do. */
export interface Wanted {
  goal?: string | undefined
  /** As the person names them, such as `post /invoices`. */
  operations?: readonly string[] | undefined
}

export interface Passage {
  id: string
  content: string
  breadcrumb: string[]
  url: string | null
}

/**
 * Documentation by addresses, indexed; its passages on what is wanted, and on what every connector needs. The questions take
 * turns, so that the many passages of one leave room for the best of each.
 */
export async function findPassages(
  call: ToolCall,
  docs: readonly string[],
  { goal, operations = [] }: Wanted,
): Promise<Passage[]> {
  const sources = new Set<string>()
  for (const url of docs) {
    const { source } = await call('index_api_docs', { url })
    sources.add((source as { id: string }).id)
  }
  if (sources.size === 0) return []
  const lists: Passage[][] = []
  for (const query of [...operations, ...(goal === undefined ? [] : [goal]), ...GENERAL]) {
    const { passages } = await call('search_api_docs', { query, sources: [...sources], limit: FOUND })
    lists.push(passages as unknown as Passage[])
  }
  const most = Math.min(MAX_PASSAGES, PASSAGES + PASSAGES_PER_OPERATION * operations.length)
  const found = new Map<string, Passage>()
  for (let rank = 0; rank < FOUND; rank += 1)
    for (const list of lists) {
      const passage = list[rank]
      if (passage !== undefined && found.size < most) found.set(passage.id, passage)
    }
  return [...found.values()]
}

/**
 * A connector's actions, written by a model from passages of documentation. Actions that cite none of them are left out
 * and told, and so are operations that were wanted (by method and path) and not written.
 * @throws AppError `not_found` when the documentation has nothing to go by; errors of the model
 */
export async function draftFromDocs(
  model: RunModel,
  passages: readonly Passage[],
  { goal, operations = [] }: Wanted,
): Promise<{ draft: Draft; unfounded: string[]; missing: string[] }> {
  if (passages.length === 0) {
    throw new AppError('not_found', 'The documentation could not be read, or says nothing of an API.', {
      where: 'docs',
      hint: 'Give the address of a page that describes its endpoints.',
    })
  }
  const data = passages.map((one) =>
    promptData(`${one.id} ${one.url ?? ''} ${one.breadcrumb.join(' › ')}`, one.content),
  )
  const draft = await model.structured({
    tier: 'build',
    name: 'connector_draft',
    purpose: 'write actions from documentation',
    system: SYSTEM,
    prompt: [
      `What the connector is for: ${goal ?? (operations.length === 0 ? 'everything that is documented' : 'what is named next')}.`,
      ...(operations.length === 0
        ? []
        : [`Write these operations, and no others: ${operations.join('; ')}.`]),
      `\nThe passages, each with its id first:\n${data.join('\n')}`,
    ].join('\n'),
    schema: Draft,
  })
  const known = new Set(passages.map(({ id }) => id))
  const actions = draft.actions.map((action) => ({
    ...action,
    citations: action.citations.filter((id) => known.has(id)),
  }))
  const founded = actions.filter(({ citations }) => citations.length > 0)
  const unfounded = actions.filter(({ citations }) => citations.length === 0).map(({ slug }) => slug)
  const written = new Set(founded.map(({ method, path }) => plain(`${method} ${path}`)))
  const missing = operations.filter((one) => !written.has(plain(one)))
  return { draft: { ...draft, actions: founded }, unfounded, missing: missing.filter(isRequest) }
}

/** Parameters have the names each writer gives them. */
const plain = (operation: string): string =>
  operation
    .trim()
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\{[^}]*\}/g, '{}')

/** Others are named in words, which nobody can compare. */
const isRequest = (operation: string): boolean => /^\s*[a-z]+\s+\//i.test(operation)
