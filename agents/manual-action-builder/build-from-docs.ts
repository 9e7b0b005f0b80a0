import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { AuthMethod } from '../../runtime/connectors/definition.ts'
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
      }),
    )
    .describe('Of path, query and headers; without authentication.'),
  hasBody: z.boolean().describe('Does it take a JSON body, of every input that is no parameter?'),
  inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of the whole input: an object.'),
  outputSchema: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('JSON Schema of the answer; null: not documented.'),
  citations: z.array(z.string()).describe('Ids of the passages this is founded on.'),
})
export type DraftAction = z.output<typeof DraftAction>

const Draft = z.object({
  name: z.string().min(1).max(200).describe('Name of the app.'),
  baseUrl: z
    .string()
    .nullable()
    .describe(
      'Absolute address that all paths are appended to, letter by letter as a passage says it; null: none says it.',
    ),
  authMethods: z.array(AuthMethod).min(1),
  actions: z.array(DraftAction).min(1).max(40),
})
export type Draft = z.output<typeof Draft>

const SYSTEM = `You write the definition of an API's actions from its documentation.
State only what the passages say: no address, parameter or field that stands in none of them. Cite for each action the
ids of the passages it is founded on. A credential is an auth method, never a parameter.`

const MAX_PASSAGES = 20
const GENERAL = [
  'base URL of the API',
  'authentication: how requests are authorized',
  'list of endpoints, methods and paths',
]

export interface Passage {
  id: string
  content: string
  breadcrumb: string[]
  url: string | null
}

/** Documentation by addresses, indexed; its passages on what is wanted. */
export async function findPassages(
  call: ToolCall,
  docs: readonly string[],
  goal: string | undefined,
): Promise<Passage[]> {
  const sources = new Set<string>()
  for (const url of docs) {
    const { source } = await call('index_api_docs', { url })
    sources.add((source as { id: string }).id)
  }
  const found = new Map<string, Passage>()
  for (const query of [
    ...(goal === undefined ? [] : [goal]),
    ...GENERAL,
    'create',
    'get, list, search',
    'update, delete',
  ]) {
    const { passages } = await call('search_api_docs', { query, limit: 10 })
    for (const passage of passages as unknown as (Passage & { sourceId: string })[])
      if (sources.has(passage.sourceId) && found.size < MAX_PASSAGES) found.set(passage.id, passage)
  }
  return [...found.values()]
}

/**
 * A connector's actions, written by a model from passages of documentation. Actions that cite none of them are left out
 * and told.
 * @throws AppError `not_found` when the documentation has nothing to go by; errors of the model
 */
export async function draftFromDocs(
  model: RunModel,
  passages: readonly Passage[],
  goal: string | undefined,
): Promise<{ draft: Draft; unfounded: string[] }> {
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
    prompt: `What the connector is for: ${goal ?? 'everything that is documented'}.\n\nThe passages, each with its id first:\n${data.join('\n')}`,
    schema: Draft,
  })
  const known = new Set(passages.map(({ id }) => id))
  const actions = draft.actions.map((action) => ({
    ...action,
    citations: action.citations.filter((id) => known.has(id)),
  }))
  const founded = actions.filter(({ citations }) => citations.length > 0)
  const unfounded = actions.filter(({ citations }) => citations.length === 0).map(({ slug }) => slug)
  return { draft: { ...draft, actions: founded }, unfounded }
}
