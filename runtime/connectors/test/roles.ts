import type { ActionDefinition } from '../action-definition.ts'
import { wordsOf } from '../fix/similarity.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'

/** What an action does to things of a kind; `write` is every other change ("pay this invoice"). */
export type ActionKind = 'list' | 'create' | 'read' | 'update' | 'write' | 'remove'

/** An input that names a thing another call tells of. */
export interface KeyInput {
  /** Key in the action's input. */
  inputKey: string
  /** Name in the request. */
  name: string
  /** Of the collection its things are in, such as /repos/{}/{}/issues; null where only the name tells. */
  collection: string | null
  /** Literals of that; empty where there is none. */
  literals: string
  /** Words of what it names: `issue` of issue_number. */
  resource: string
  /** Is it called an id, and not only as the thing is? */
  isId: boolean
  /** JSON type the API asks for. */
  type: 'string' | 'number' | 'any'
}

/** What the tester knows of an action from its address, method and schemas. */
export interface ActionRole {
  slug: string
  kind: ActionKind
  /** Where its things are: the path up to the last parameter, parameters without their names. */
  collection: string
  /** In the order of the path, then those of query and body. */
  keys: KeyInput[]
  /** The key that names the very thing it reads or changes; undefined for lists and creates. */
  own: KeyInput | undefined
  /** Literal parts of its path; a child's path is longer than its parent's. */
  depth: number
}

type Schemas = Record<string, unknown>

/** Roles of all actions: what a POST does is told only by which paths there are besides its own. */
export function rolesOf(actions: readonly ActionDefinition[], schemas: Schemas): Map<string, ActionRole> {
  const items = new Set(
    actions.filter(({ path }) => endsInParameter(path)).map(({ path }) => collectionOf(path)),
  )
  const resources = new Set(actions.map(({ path }) => resourceOf(collectionOf(path))))
  return new Map(actions.map((action) => [action.slug, roleOf(action, items, resources, schemas)]))
}

const PARAMETER = /\{[^{}]*\}/g

const segmentsOf = (path: string): string[] =>
  path
    .split(/[?#]/)[0]
    ?.split('/')
    .filter((part) => part !== '') ?? []

const isParameter = (segment: string): boolean => segment.includes('{')

export const endsInParameter = (path: string): boolean => isParameter(segmentsOf(path).at(-1) ?? '')

/** The path without its last run of parameters, parameters in it without their names. */
export function collectionOf(path: string): string {
  const segments = segmentsOf(path)
  while (isParameter(segments.at(-1) ?? '')) segments.pop()
  const last = segments.pop()
  // Paths of commands, /conversations.create: the collection is what stands before the verb.
  const command = last === undefined ? undefined : splitCommand(last)
  if (last !== undefined) segments.push(command?.resource ?? last)
  return `/${segments.join('/').replace(PARAMETER, '{}')}`
}

/** Words of a path that say whose things these are, not what they are: what /user/repos makes is read at /repos. */
const SCOPES = new Set(['user', 'me', 'my', 'self', 'account'])

/** Do both hold the same things? /issues/{}/comments and /issues/comments do; /pulls/comments are others. */
export const holdsSame = (left: string, right: string): boolean =>
  left === right || literalsOf(left) === literalsOf(right)

/** What {@link holdsSame} compares. */
export const literalsOf = (collection: string): string =>
  collection
    .split('/')
    .filter((part) => part !== '' && part !== '{}' && !SCOPES.has(part))
    .join('/')

/** The word for one thing of a collection: `issue` of /repos/{}/{}/issues. */
export function resourceOf(collection: string): string {
  const literal = collection
    .split('/')
    .filter((part) => part !== '' && part !== '{}')
    .at(-1)
  return wordsOf(literal ?? '').join(' ')
}

const VERBS: Record<string, ActionKind> = {
  create: 'create',
  add: 'create',
  new: 'create',
  post: 'create',
  open: 'create',
  insert: 'create',
  list: 'list',
  search: 'list',
  history: 'list',
  info: 'read',
  get: 'read',
  read: 'read',
  retrieve: 'read',
  update: 'update',
  edit: 'update',
  set: 'update',
  rename: 'update',
  delete: 'remove',
  remove: 'remove',
  archive: 'remove',
}

const FILE_ENDINGS = new Set(['json', 'xml', 'csv', 'php', 'aspx'])

function splitCommand(segment: string): { resource: string; kind: ActionKind } | undefined {
  const parts = segment.split('.')
  const verb = parts.pop()
  if (parts.length === 0 || verb === undefined || FILE_ENDINGS.has(verb)) return undefined
  const [first = ''] = wordsOf(verb)
  const kind = VERBS[first] ?? VERBS[verb.toLowerCase().match(/^[a-z]+/)?.[0] ?? '']
  return { resource: parts.join('.'), kind: kind ?? 'write' }
}

function roleOf(
  action: ActionDefinition,
  items: ReadonlySet<string>,
  resources: ReadonlySet<string>,
  schemas: Schemas,
): ActionRole {
  const collection = collectionOf(action.path)
  const pathKeys = pathKeysOf(action)
  const kind = kindOf(action, collection, items, schemas)
  const others = otherKeysOf(action, resources)
  // The name a new thing is to have is none of a thing there is.
  const made = kind === 'create' ? resourceOf(collection) : undefined
  const keys = [...pathKeys, ...others.filter(({ resource, isId }) => isId || resource !== made)]
  const own = endsInParameter(action.path)
    ? pathKeys.at(-1)
    : kind === 'list' || kind === 'create'
      ? undefined
      : ownOf(keys, collection)
  return {
    slug: action.slug,
    kind,
    collection,
    keys,
    own,
    depth: segmentsOf(action.path).filter((segment) => !isParameter(segment)).length,
  }
}

const ownOf = (keys: readonly KeyInput[], collection: string): KeyInput | undefined =>
  keys.find(({ resource }) => resource === resourceOf(collection)) ?? keys.at(-1)

function kindOf(
  action: ActionDefinition,
  collection: string,
  items: ReadonlySet<string>,
  schemas: Schemas,
): ActionKind {
  const { method, path, effect } = action
  const command = splitCommand(segmentsOf(path).at(-1) ?? '')
  const onItem = endsInParameter(path)
  if (effect === 'read') {
    if (onItem) return 'read'
    if (command !== undefined && command.kind === 'read') return 'read'
    return isList(action, schemas) ? 'list' : 'read'
  }
  if (effect === 'destructive' || method === 'DELETE') return 'remove'
  if (command !== undefined)
    return command.kind === 'read' || command.kind === 'list' ? 'write' : command.kind
  if (onItem) return 'update'
  if (method !== 'POST') return 'write'
  if (items.has(collection)) return 'create'
  const segments = segmentsOf(path)
  const underItem = isParameter(segments.at(-2) ?? '')
  const plural = /s$/i.test(segments.at(-1) ?? '')
  return (!underItem || plural) && givesId(action.outputSchema, schemas) ? 'create' : 'write'
}

function isList({ pagination, outputSchema }: ActionDefinition, schemas: Schemas): boolean {
  if (pagination !== undefined) return true
  const schema = resolved(outputSchema, schemas)
  if (schema === undefined) return false
  if (isArray(schema)) return true
  const { properties } = schema
  return (
    isSchemaObject(properties) &&
    Object.values(properties).some((property) => {
      const one = resolved(property, schemas)
      return one !== undefined && isArray(one) && resolved(one.items, schemas)?.properties !== undefined
    })
  )
}

const isArray = ({ type }: Record<string, unknown>): boolean =>
  type === 'array' || (Array.isArray(type) && type.includes('array'))

const IDENTIFIERS = ['id', 'uuid', 'key', 'slug', 'number', 'ts']

function givesId(schema: unknown, schemas: Schemas, depth = 0): boolean {
  const found = resolved(schema, schemas)
  if (found === undefined) return false
  const parts = [found, ...listOf(found.allOf), ...listOf(found.oneOf), ...listOf(found.anyOf)]
  return parts.some((part) => {
    const one = resolved(part, schemas)
    if (one === undefined) return false
    const { properties } = one
    if (!isSchemaObject(properties)) return part !== found && depth < 2 && givesId(one, schemas, depth + 1)
    if (IDENTIFIERS.some((name) => Object.hasOwn(properties, name))) return true
    return depth < 1 && Object.values(properties).some((property) => givesId(property, schemas, depth + 1))
  })
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** The schema that is meant, references to shared ones followed; undefined for none, or one that says nothing. */
export function resolved(schema: unknown, schemas: Schemas): Record<string, unknown> | undefined {
  let found = schema
  for (let step = 0; step < 8; step += 1) {
    const name = sharedName(found)
    if (name === undefined) return isSchemaObject(found) ? found : undefined
    found = schemas[name]
  }
  return undefined
}

function pathKeysOf(action: ActionDefinition): KeyInput[] {
  const segments = segmentsOf(action.path)
  const found: KeyInput[] = []
  for (const [index, segment] of segments.entries()) {
    for (const [whole] of segment.matchAll(PARAMETER)) {
      const name = whole.slice(1, -1)
      const inputKey =
        action.parameters.find((one) => one.in === 'path' && one.name === name)?.inputKey ?? name
      const collection = collectionOf(`/${segments.slice(0, index).join('/')}`)
      found.push({
        inputKey,
        name,
        collection,
        literals: literalsOf(collection),
        resource: resourceOf(collection),
        isId: true,
        type: typeOf(action, inputKey),
      })
    }
  }
  return found
}

/** Required inputs that are no part of the path, and are called like an id or like a thing of this API. */
function otherKeysOf(action: ActionDefinition, resources: ReadonlySet<string>): KeyInput[] {
  const { required } = action.inputSchema as { required?: string[] }
  const inPath = new Set(action.parameters.filter((one) => one.in === 'path').map(({ inputKey }) => inputKey))
  return (required ?? [])
    .filter((inputKey) => !inPath.has(inputKey))
    .flatMap((inputKey): KeyInput[] => {
      const name = nameOf(action, inputKey)
      const words = wordsOf(name)
      const last = words.at(-1) ?? ''
      const isId = words.length > 1 && ['id', 'uuid', 'guid'].includes(last)
      const resource = (isId ? words.slice(0, -1) : words).join(' ')
      const type = typeOf(action, inputKey)
      if (type === 'any' || (!isId && !resources.has(resource) && !SLACK_KEYS.has(name))) return []
      return [{ inputKey, name, collection: null, literals: '', resource, isId, type }]
    })
}

/** APIs of commands name things by words that stand in no path. */
const SLACK_KEYS = new Set(['channel', 'ts'])

function nameOf({ parameters, body }: ActionDefinition, inputKey: string): string {
  return parameters.find((one) => one.inputKey === inputKey)?.name ?? body?.properties?.[inputKey] ?? inputKey
}

function typeOf({ inputSchema }: ActionDefinition, inputKey: string): KeyInput['type'] {
  const { properties } = inputSchema as { properties?: Record<string, unknown> }
  const schema = properties?.[inputKey]
  const type = isSchemaObject(schema) ? schema.type : undefined
  const types = Array.isArray(type) ? type : [type]
  if (types.includes('string')) return 'string'
  if (types.includes('integer') || types.includes('number')) return 'number'
  return isSchemaObject(schema) && (type === 'object' || type === 'array' || type === 'boolean')
    ? 'any'
    : 'string'
}
