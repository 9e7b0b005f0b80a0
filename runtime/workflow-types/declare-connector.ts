import { compile } from 'json-schema-to-typescript'
import type { JsonSchema } from '../../core/json.ts'
import { isSchemaObject, sharedName } from '../connectors/json-schema.ts'
import { definitionName, typedSchema } from './typed-schema.ts'

export interface TypedAction {
  slug: string
  name: string
  description: string
  effect: string
  deprecated: boolean
  inputSchema: JsonSchema
  outputSchema: JsonSchema | undefined
  /** Dot path to the list in the output, where it comes in pages; '' for the output itself. */
  items: string | undefined
}

export interface TypedConnector {
  slug: string
  name: string
  description: string
  schemas: Record<string, JsonSchema>
  actions: TypedAction[]
  /** Actions that are there but not described: any input, any output. */
  others: string[]
}

/** Converting takes a second for each MB or so. */
const MAX_SCHEMA_BYTES = 4 * 1024 * 1024
const MAX_COMMENT_CHARS = 600

const OPTIONS = {
  bannerComment: '',
  format: false,
  additionalProperties: false,
  declareExternallyReferenced: true,
  ignoreMinAndMaxItems: true,
  enableConstEnums: false,
  unknownAny: false,
  $refOptions: { resolve: { external: false } },
} as const

/**
 * The types of one connector's actions: a namespace with an interface `Actions`, each of its members
 * `{input, output, item}`. The same connector gives the same text. Above 4 MB of schemas outputs are `any`.
 */
export async function declareConnector(connector: TypedConnector): Promise<string> {
  const bySlug = [...connector.actions].sort((a, b) => (a.slug < b.slug ? -1 : 1))
  const shared = new Set(Object.keys(connector.schemas).filter((name) => !isCircle(connector.schemas, name)))
  const $defs = Object.fromEntries(
    Object.entries(connector.schemas)
      .filter(([name]) => shared.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => [definitionName(name), typedSchema(schema, shared)]),
  )
  const properties: Record<string, object> = {}
  const roomFor = MAX_SCHEMA_BYTES - JSON.stringify($defs).length
  let size = 0
  for (const action of bySlug) {
    const input = typedSchema(action.inputSchema, shared)
    const output = action.outputSchema === undefined ? {} : typedSchema(action.outputSchema, shared)
    size += JSON.stringify(input).length + JSON.stringify(output).length
    const isKnown = size <= roomFor
    $defs[`${action.slug}_input`] = isKnown ? input : {}
    $defs[`${action.slug}_output`] = isKnown ? output : {}
    for (const side of ['input', 'output']) {
      properties[`${action.slug}_${side}`] = { $ref: `#/$defs/${action.slug}_${side}` }
    }
  }
  const root = { type: 'object', properties, required: Object.keys(properties), $defs }
  const types = await compile(root as never, 'Types', OPTIONS)
  const declared = bySlug.map((action) => {
    const place = (side: string) => `Types['${action.slug}_${side}']`
    const optional = requiresNothing(action.inputSchema) ? '?' : ''
    const item = action.items === undefined ? '' : `; item: ${itemType(place('output'), action)}`
    const body = `{ input${optional}: ${place('input')}; output: ${place('output')}${item} }`
    return `${comment(action)}    ${action.slug}: ${body}`
  })
  const others = [...connector.others].sort().map((slug) => `    ${slug}: AnyAction`)
  return `declare namespace ${namespaceOf(connector.slug)} {
  interface Actions {
${[...declared, ...others].join('\n')}
  }
${types.replaceAll(/^export /gm, '').replaceAll(/^(?=.)/gm, '  ')}}
`
}

/** `interface Connectors`: those described by what {@link declareConnector} gave for each, the others by name. */
export function declareConnectors(
  connectors: readonly Pick<TypedConnector, 'slug' | 'name' | 'description'>[],
  described: ReadonlySet<string>,
): string {
  const members = connectors.map(({ slug, name, description }) => {
    const type = described.has(slug) ? `${namespaceOf(slug)}.Actions` : 'AnyActions'
    return `${docComment([name, description], '  ')}  ${slug}: ${type}`
  })
  return ['interface Connectors {', ...members, '}', ''].join('\n')
}

/** Does the schema stand for nothing but another, which stands for nothing but it? */
function isCircle(schemas: TypedConnector['schemas'], name: string): boolean {
  const seen = new Set<string>()
  for (let next: string | undefined = name; next !== undefined; next = sharedName(schemas[next])) {
    if (seen.has(next)) return true
    seen.add(next)
  }
  return false
}

const namespaceOf = (slug: string) => `${slug.slice(0, 1).toUpperCase()}${slug.slice(1)}Types`

function requiresNothing(schema: JsonSchema): boolean {
  return !isSchemaObject(schema) || !Array.isArray(schema.required) || schema.required.length === 0
}

/** The type at the path to the list, where the output's schema has it; any otherwise. */
function itemType(output: string, { items = '', outputSchema }: TypedAction): string {
  const path = items === '' ? [] : items.split('.')
  if (outputSchema === undefined || path.some((part) => !/^\w+$/.test(part))) return 'any'
  const found = path.reduce((type, part) => `MemberOf<${type}, '${part}'>`, output)
  return `ItemOf<${found}>`
}

const comment = ({ name, description, effect, deprecated }: TypedAction) =>
  docComment([name, description, `(${effect})`, ...(deprecated ? ['@deprecated'] : [])], '    ')

function docComment(parts: string[], indent: string): string {
  const said = [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))]
  const lines = said
    .flatMap((part) =>
      (part.length > MAX_COMMENT_CHARS ? `${part.slice(0, MAX_COMMENT_CHARS)}…` : part).split(/\r?\n/),
    )
    .map((line) => line.replaceAll('*/', '* /').trimEnd())
  if (lines.length === 0) return ''
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}
