import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isSchemaObject } from '../json-schema.ts'
import { bare, partsOf, resolveSchema, typesOf } from './page-parameters.ts'

/** Dot paths in the response that matter for pages. */
export interface PageFields {
  /** The list; '' for the response itself. */
  items: string
  itemsHaveId: boolean
  nextCursor?: string
  nextUrl?: string
  hasMore?: string
}

interface Field {
  path: string
  name: string
  /** Name of the object it is in, bare; '' at the top. */
  parent: string
  schema: { [key: string]: unknown }
  types: Set<string>
}

const MAX_DEPTH = 3
const MAX_FIELDS = 400
const ITEM_NAMES = [
  'data',
  'items',
  'results',
  'entries',
  'values',
  'records',
  'objects',
  'elements',
  'list',
  'rows',
  'content',
]
const WRAPPERS = new Set(['data', 'result', 'results', 'response', 'embedded', 'd', 'payload'])
const PAGE_PARENTS =
  /^(responsemetadata|page|paging|pagination|paginginfo|pageinfo|meta|metadata|cursors?|next|links?|navigation)$/
const CURSOR_NAMES = [
  'nextcursor',
  'nextpagetoken',
  'nexttoken',
  'nextpagecursor',
  'nextmarker',
  'continuationtoken',
  'nextpage',
  'endcursor',
  'iterator',
]
const URL_NAMES = [
  'nexturl',
  'nextpageurl',
  'nextlink',
  'nexthref',
  'nextpageuri',
  'nexturi',
  'next',
  'nextpage',
]
const MORE_NAMES = ['hasmore', 'hasnextpage', 'hasnext', 'more', 'moreitems', 'istruncated', 'hasmoreitems']

/** Undefined when the response holds no list that is clearly the one asked for. */
export function findPageFields(
  action: ActionDefinition,
  schemas: Record<string, JsonSchema>,
): PageFields | undefined {
  const root = resolveSchema(action.outputSchema, schemas)
  if (root === undefined) return undefined
  if (typesOf(root, schemas).has('array') && root.items !== undefined) {
    return { items: '', itemsHaveId: hasId(root.items, schemas) }
  }
  const fields: Field[] = []
  collect(root, schemas, { path: '', parent: '', depth: 0 }, fields)
  const list = findList(fields, action)
  if (list === undefined) return undefined
  const nextCursor = findCursor(fields)
  const nextUrl = fields.find(isNextUrl)?.path
  const hasMore = fields.find(({ name, types }) => types.has('boolean') && MORE_NAMES.includes(name))?.path
  return {
    items: list.path,
    itemsHaveId: hasId(list.schema.items, schemas),
    ...(nextCursor === undefined ? {} : { nextCursor }),
    ...(nextUrl === undefined ? {} : { nextUrl }),
    ...(hasMore === undefined ? {} : { hasMore }),
  }
}

function collect(
  schema: { [key: string]: unknown },
  schemas: Record<string, JsonSchema>,
  at: { path: string; parent: string; depth: number },
  fields: Field[],
): void {
  const known = new Set(fields.map(({ path }) => path))
  for (const [key, property] of propertiesOf(schema, schemas)) {
    // A dot path cannot name a key with a dot in it.
    if (fields.length >= MAX_FIELDS || key.includes('.')) continue
    const types = typesOf(property, schemas)
    const field: Field = {
      path: at.path === '' ? key : `${at.path}.${key}`,
      name: bare(key),
      parent: at.parent,
      schema: types.has('array') ? (arrayOf(property, schemas) ?? property) : property,
      types,
    }
    if (known.has(field.path)) continue
    known.add(field.path)
    fields.push(field)
    const leads = PAGE_PARENTS.test(field.name) || WRAPPERS.has(field.name)
    if (leads && at.depth + 1 < MAX_DEPTH && !types.has('array')) {
      collect(property, schemas, { path: field.path, parent: field.name, depth: at.depth + 1 }, fields)
    }
  }
}

/** Properties of an object, those of allOf and of alternatives too; not more than can matter. */
function propertiesOf(
  schema: { [key: string]: unknown },
  schemas: Record<string, JsonSchema>,
): [string, { [key: string]: unknown }][] {
  const found = new Map<string, { [key: string]: unknown }>()
  for (const { properties } of partsOf(schema, schemas)) {
    for (const [key, value] of Object.entries(isSchemaObject(properties) ? properties : {})) {
      if (found.size >= MAX_FIELDS) return [...found]
      const resolved = found.has(key) ? undefined : resolveSchema(value, schemas)
      if (resolved !== undefined) found.set(key, resolved)
    }
  }
  return [...found]
}

const arrayOf = (schema: { [key: string]: unknown }, schemas: Record<string, JsonSchema>) =>
  partsOf(schema, schemas).find((part) => part.items !== undefined)

/** The list: by its usual names, else the only one, else the one that bears the name of the resource. */
function findList(fields: Field[], action: ActionDefinition): Field | undefined {
  const lists = fields.filter(
    ({ types, parent }) => types.has('array') && (parent === '' || WRAPPERS.has(parent)),
  )
  const top = lists.filter(({ parent }) => parent === '')
  const candidates = top.length > 0 ? top : lists
  const usual = ITEM_NAMES.map((name) => candidates.find((field) => field.name === name)).find(Boolean)
  if (usual !== undefined) return usual
  if (candidates.length === 1) return candidates[0]
  const segments = action.path
    .split(/[/.]/)
    .filter((segment) => segment !== '' && !segment.includes('{'))
    .map(bare)
    .reverse()
  for (const segment of segments.slice(0, 2)) {
    const named = candidates.find(({ name }) => singular(name) === singular(segment))
    if (named !== undefined) return named
  }
  return undefined
}

const singular = (word: string): string => word.replace(/ies$/, 'y').replace(/(?<=[sxz]|ch|sh)es$|s$/, '')

const isText = ({ types }: Field): boolean => types.has('string') || types.size === 0

function findCursor(fields: Field[]): string | undefined {
  for (const name of CURSOR_NAMES) {
    const found = fields.find((field) => field.name === name && isText(field) && !saysUrl(field))
    if (found !== undefined) return found.path
  }
  const inside = fields.find(
    (field) =>
      isText(field) &&
      !saysUrl(field) &&
      // paging.next.after, cursors.after, page.cursor, pagination.next; a bare `cursor` at the top too.
      ((PAGE_PARENTS.test(field.parent) && /^(after|cursor|next|marker)$/.test(field.name)) ||
        (field.parent === '' && field.name === 'cursor')),
  )
  return inside?.path
}

const isNextUrl = (field: Field): boolean =>
  isText(field) &&
  ((URL_NAMES.includes(field.name) && (/url|link|href|uri/.test(field.name) || saysUrl(field))) ||
    // _links.next.href and links.next are addresses by their names.
    (/^links?$/.test(field.parent) && field.name === 'next') ||
    (field.parent === 'next' && field.name === 'href'))

/** Does the schema say that this text is an address? */
function saysUrl({ schema }: Field): boolean {
  const { format, description, examples } = schema
  const example = Array.isArray(examples) ? examples[0] : undefined
  return (
    /^(uri|url|uri-reference)$/.test(String(format)) ||
    /\b(url|uri|link|href)\b/i.test(typeof description === 'string' ? description : '') ||
    /^(https?:\/\/|\/)/.test(typeof example === 'string' ? example : '')
  )
}

function hasId(items: unknown, schemas: Record<string, JsonSchema>): boolean {
  const item = resolveSchema(items, schemas)
  return item !== undefined && propertiesOf(item, schemas).some(([key]) => key === 'id')
}
