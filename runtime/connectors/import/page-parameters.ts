import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'

/** Input keys that ask for a page. */
export interface PageParameters {
  page?: string
  /** `page` that is text: it holds what the response gives, not a number. */
  pageToken?: string
  /** Number of the first page, where the schema shows that it is not 1. */
  firstPage?: number
  offset?: string
  /** A cursor that the response gives. */
  cursor?: string
  /** The id of an item to go on after. */
  after?: string
  size?: string
}

const PAGE = ['page', 'pagenumber', 'pageno', 'pagenum', 'pageindex', 'currentpage']
const OFFSET = ['offset', 'skip', 'pageoffset', 'startat', 'startindex', 'start']
const CURSOR = [
  'cursor',
  'pagecursor',
  'nextcursor',
  'pagetoken',
  'nextpagetoken',
  'nexttoken',
  'paginationtoken',
  'continuationtoken',
  'continuation',
  'startcursor',
  'marker',
  'bookmark',
  'iterator',
  'after',
  'pageafter',
  'startingafter',
  'startafter',
]
const AFTER = ['startingafter', 'after', 'afterid']
const SIZE = [
  'perpage',
  'pagesize',
  'limit',
  'pagelimit',
  'maxresults',
  'maxitems',
  'itemsperpage',
  'resultsperpage',
  'pagecount',
  'count',
  'top',
  'size',
  'first',
  'rows',
]

/** `page[size]`, `per_page` and `PerPage` are the same words. */
export const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

export function findPageParameters(
  action: ActionDefinition,
  schemas: Record<string, JsonSchema>,
): PageParameters {
  const { properties } = action.inputSchema
  const inputs = isSchemaObject(properties) ? properties : {}
  const elsewhere = new Set(
    action.parameters
      .filter((parameter) => parameter.in === 'path' || parameter.in === 'cookie')
      .map(({ inputKey }) => inputKey),
  )
  const types = new Map<string, { key: string; types: Set<string>; schema: { [key: string]: unknown } }>()
  for (const [key, declared] of Object.entries(inputs)) {
    const schema = resolveSchema(declared, schemas)
    if (elsewhere.has(key) || schema === undefined || types.has(bare(key))) continue
    types.set(bare(key), { key, types: typesOf(schema, schemas), schema })
  }
  const find = (names: string[], fits: (kinds: Set<string>) => boolean) =>
    names.map((name) => types.get(name)).find((found) => found !== undefined && fits(found.types))
  const isNumber = (kinds: Set<string>) => kinds.has('integer') || kinds.has('number')
  const isText = (kinds: Set<string>) => kinds.has('string') || kinds.size === 0
  const isScalar = (kinds: Set<string>) =>
    !kinds.has('array') && !kinds.has('object') && !kinds.has('boolean')

  const page = find(PAGE, (kinds) => isNumber(kinds) || kinds.size === 0)
  const offset = find(OFFSET, isNumber)
  // `usemarker: true` switches a cursor on; without it the API counts.
  const cursor = find(CURSOR, isText)
  const switched = cursor !== undefined && types.has(`use${bare(cursor.key)}`) && offset !== undefined
  return {
    ...keyed('page', page?.key),
    ...(page !== undefined && startsAtZero(page.schema) ? { firstPage: 0 } : {}),
    ...keyed('pageToken', page === undefined ? find(PAGE, isText)?.key : undefined),
    ...keyed('offset', offset?.key),
    ...keyed('cursor', switched ? undefined : cursor?.key),
    ...keyed('after', find(AFTER, isText)?.key),
    ...keyed('size', find(SIZE, isScalar)?.key),
  }
}

const keyed = (name: string, key: string | undefined) => (key === undefined ? {} : { [name]: key })

const startsAtZero = (schema: { [key: string]: unknown }): boolean =>
  schema.default === 0 || (schema.default === undefined && schema.minimum === 0)

const MAX_STEPS = 20

/** The object a schema is, shared ones looked up. */
export function resolveSchema(
  schema: unknown,
  schemas: Record<string, JsonSchema>,
): { [key: string]: unknown } | undefined {
  let current = schema
  for (let step = 0; step < MAX_STEPS && isSchemaObject(current); step += 1) {
    const name = sharedName(current)
    if (name === undefined) return current
    current = Object.hasOwn(schemas, name) ? schemas[name] : undefined
  }
  return undefined
}

const MAX_PARTS = 50

/** The schema with its alternatives and parts (`anyOf`, `oneOf`, `allOf`), some levels deep, shared ones looked up. */
export function partsOf(
  schema: { [key: string]: unknown },
  schemas: Record<string, JsonSchema>,
): { [key: string]: unknown }[] {
  // A Set iterates over what is added meanwhile, and takes no schema twice.
  const all = new Set([schema])
  for (const part of all) {
    for (const child of [part.anyOf, part.oneOf, part.allOf].filter(Array.isArray).flat()) {
      if (all.size >= MAX_PARTS) return [...all]
      const resolved = resolveSchema(child, schemas)
      if (resolved !== undefined) all.add(resolved)
    }
  }
  return [...all]
}

const knownTypes = new WeakMap<object, Set<string>>()

/** Types a value may have, alternatives counted in. Remembered: many operations ask about the same schemas. */
export function typesOf(
  schema: { [key: string]: unknown },
  schemas: Record<string, JsonSchema>,
): Set<string> {
  const known = knownTypes.get(schema)
  if (known !== undefined) return known
  const types = partsOf(schema, schemas)
    .flatMap((part) => [part.type].flat())
    .filter((type) => typeof type === 'string' && type !== 'null')
  const found = new Set(types.map(String))
  knownTypes.set(schema, found)
  return found
}
