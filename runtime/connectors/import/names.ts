import { createHash } from 'node:crypto'
import { snakeCase } from '../slug.ts'
import { buildUniqueNames } from './unique-name.ts'

export interface NamedOperation {
  method: string
  path: string
  operationId: string | undefined
  /** Words to name it by, where there is no operationId. */
  nameHint?: string
}

/** What an earlier import called an operation. */
export interface PreviousAction {
  slug: string
  method: string
  path: string
  source?: { operationId?: string | undefined } | undefined
}

const MAX_SLUG_CHARS = 64
const HASH_CHARS = 6

/**
 * Slugs for all operations at once, in their order: snake_case of the operationId, without what is the same
 * in all of them and without the path and method some frameworks append; else method and path. A slug
 * depends on the operation and the shared prefix only, so that importing a newer document keeps the names; with
 * the actions of the earlier import they are kept whatever else changed.
 */
export function nameOperations(operations: NamedOperation[], previous: PreviousAction[] = []): string[] {
  const bare = operations.map((operation) => baseName(operation))
  const strip = sharedPrefix(operations, bare)
  const counts = new Map<string, number>()
  const first = bare.map((name) => (strip === '' ? name : name.slice(strip.length)))
  for (const name of first) counts.set(name, (counts.get(name) ?? 0) + 1)

  const kept = keptSlugs(operations, previous)
  const unique = buildUniqueNames(new Set(kept.filter((slug) => slug !== undefined)), (name, number) => {
    const suffix = `_${number}`
    return name.slice(0, MAX_SLUG_CHARS - suffix.length) + suffix
  })
  return operations.map((operation, index) => {
    const known = kept[index]
    if (known !== undefined) return known
    const name = first[index] ?? ''
    // Requests of a Postman collection often share method and path too: those are told apart by number.
    const ambiguous = (counts.get(name) ?? 0) > 1 && operation.nameHint === undefined
    return unique(shorten(startWithLetter(ambiguous ? fromPath(operation) : name)))
  })
}

/** The earlier slug of each operation: by operationId, else by method and path where that names only one. */
function keptSlugs(operations: NamedOperation[], previous: PreviousAction[]): (string | undefined)[] {
  const keysOf = (method: string, path: string, operationId: string | undefined) => [
    ...(operationId === undefined ? [] : [`id ${operationId}`]),
    `${method.toUpperCase()} ${path}`,
  ]
  const earlier = Map.groupBy(
    previous.flatMap((action) =>
      keysOf(action.method, action.path, action.source?.operationId).map((key) => ({
        key,
        slug: action.slug,
      })),
    ),
    ({ key }) => key,
  )
  const used = new Set<string>()
  const take = (key: string): string | undefined => {
    const [only, another] = earlier.get(key) ?? []
    if (only === undefined || another !== undefined || used.has(only.slug)) return undefined
    used.add(only.slug)
    return only.slug
  }
  // All names first: an operation that moved keeps its slug, whatever is at its old path now.
  const byName = operations.map(({ operationId }) =>
    operationId === undefined ? undefined : take(`id ${operationId}`),
  )
  return operations.map(({ method, path }, index) => byName[index] ?? take(`${method.toUpperCase()} ${path}`))
}

function baseName(operation: NamedOperation): string {
  const id = snakeCase(operation.operationId ?? operation.nameHint ?? '')
  if (id === '') return fromPath(operation)
  // FastAPI: `read_item_items__item_id__get` is the function, the path and the method.
  const tail = `_${snakeCase(operation.path)}_${operation.method.toLowerCase()}`
  return id.endsWith(tail) && id.length > tail.length ? id.slice(0, -tail.length) : id
}

function fromPath(operation: NamedOperation): string {
  return `${operation.method.toLowerCase()}_${snakeCase(operation.path.replace(/\{([^{}]*)\}/g, ' by $1 '))}`
}

const MIN_OPERATIONS_FOR_PREFIX = 3
const VERBS = new Set([
  'get',
  'list',
  'create',
  'update',
  'delete',
  'post',
  'put',
  'patch',
  'add',
  'set',
  'find',
])

/** `v1_` or `api_` when every operationId begins with it and all are longer. */
function sharedPrefix(operations: NamedOperation[], names: string[]): string {
  if (names.length < MIN_OPERATIONS_FOR_PREFIX || operations.some((one) => one.operationId === undefined))
    return ''
  const word = names[0]?.split('_')[0] ?? ''
  const prefix = `${word}_`
  return word !== '' &&
    !VERBS.has(word) &&
    names.every((name) => name.startsWith(prefix) && name.length > prefix.length)
    ? prefix
    : ''
}

const startWithLetter = (name: string): string => (/^[a-z]/.test(name) ? name : `op_${name}`)

/** Long names keep their beginning, and six characters of a hash of the whole keep them apart and stable. */
function shorten(name: string): string {
  if (name.length <= MAX_SLUG_CHARS) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS)
  const head = name.slice(0, MAX_SLUG_CHARS - HASH_CHARS - 1)
  const cut = head.lastIndexOf('_')
  return `${cut > MAX_SLUG_CHARS / 2 ? head.slice(0, cut) : head}_${hash}`
}

/** `get_accounts_account` → `Get accounts account`, for operations without a summary. */
export const titleFromSlug = (slug: string): string => {
  const words = slug.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
