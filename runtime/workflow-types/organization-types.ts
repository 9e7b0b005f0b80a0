import { createHash } from 'node:crypto'
import type { JsonObject, JsonSchema } from '../../core/json.ts'
import {
  type DeclaredConnectorRow,
  listActionSlugs,
  listDeclaredConnectors,
  listTypedActions,
} from '../../db/connector-types.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { actionOf, schemasOf } from '../connections/definitions.ts'
import { directReferences } from '../connectors/json-schema.ts'
import type { ConnectorCall } from '../sandbox/connector-calls.ts'
import { declareApart } from './declare-apart.ts'
import { declareConnectors, type TypedAction, type TypedConnector } from './declare-connector.ts'

/** A short read of the organization's database, as tools have it. */
export type Read = <T>(fn: (tx: Tx) => Promise<T>) => Promise<T>

/**
 * The organization's connectors as declarations. `all` declares every action of those named, with `used` only
 * the actions called are described, which is what checking takes; other connectors are there by name.
 */
export async function declareOrganization(
  read: Read,
  wanted: { all: readonly string[] } | { used: readonly ConnectorCall[] },
): Promise<string> {
  const rows = await read(listDeclaredConnectors)
  const texts: string[] = []
  const described = new Set<string>()
  for (const row of rows) {
    const slugs = 'all' in wanted ? null : actionsUsed(wanted.used, row.slug)
    if ('all' in wanted ? !wanted.all.includes(row.slug) : slugs?.length === 0) continue
    described.add(row.slug)
    const asked = slugs === null ? '' : hash(slugs)
    texts.push(await declareApart(`${row.id}:${row.revision}:${asked}`, () => loadTyped(read, row, slugs)))
  }
  return [declareConnectors(rows, described), ...texts].join('\n')
}

const actionsUsed = (used: readonly ConnectorCall[], connector: string) =>
  [...new Set(used.filter(({ slug }) => slug === connector).map(({ action }) => action))].sort()

const hash = (slugs: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(slugs)).digest('base64url')

function loadTyped(
  read: Read,
  row: DeclaredConnectorRow,
  slugs: readonly string[] | null,
): Promise<TypedConnector> {
  return read(async (tx) => {
    const actions = (await listTypedActions(tx, row.id, slugs)).map(typedAction)
    const described = new Set(actions.map(({ slug }) => slug))
    const others = slugs === null ? [] : await listActionSlugs(tx, row.id)
    return {
      ...row,
      schemas: reachable(schemasOf(await getConnectorSchemas(tx, row.id)), actions),
      actions,
      others: others.filter((slug) => !described.has(slug)),
    }
  })
}

function typedAction(row: { definition: JsonObject }): TypedAction {
  const action = actionOf(row)
  const { slug, name, description, effect, inputSchema, outputSchema } = action
  return {
    slug,
    name,
    description,
    effect,
    deprecated: action.deprecated === true,
    inputSchema,
    outputSchema,
    items: action.pagination?.items,
  }
}

/** The shared schemas the actions refer to, directly or through others. */
function reachable(schemas: Record<string, JsonSchema>, actions: readonly TypedAction[]) {
  const names = new Set<string>()
  for (const { inputSchema, outputSchema } of actions) {
    directReferences(inputSchema, names)
    if (outputSchema !== undefined) directReferences(outputSchema, names)
  }
  const kept: Record<string, JsonSchema> = {}
  // A Set iterates over what is added meanwhile.
  for (const name of names) {
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
    if (schema === undefined) continue
    kept[name] = schema
    directReferences(schema, names)
  }
  return kept
}
