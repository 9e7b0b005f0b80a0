import { sample } from 'openapi-sampler'

// biome-ignore lint/suspicious/noExplicitAny: a document of any version of three formats
type Node = Record<string, any>

export interface SampleAnswer {
  status: number
  /** Undefined: the operation answers without a body, or with none that is JSON. */
  body: unknown
}

const MAX_DEPTH = 8

/** An answer of the operation in order, made from what the document says of its first success. */
export function sampleAnswer(document: Node, operation: Node): SampleAnswer {
  const responses = Object.entries((operation.responses ?? {}) as Node)
  const [code, found] =
    responses.filter(([status]) => /^2/.test(status)).toSorted(([a], [b]) => a.localeCompare(b))[0] ??
    responses.find(([status]) => status === 'default') ??
    []
  const response = resolvedIn(document, found ?? {})
  const status = /^2\d\d$/.test(code ?? '') ? Number(code) : 200
  const json = Object.entries((response.content ?? {}) as Node).find(([type]) => /[/+]json\b/.test(type))?.[1]
  const schema = json?.schema ?? response.schema
  if (schema === undefined) return { status, body: undefined }
  const options = {
    quiet: true,
    skipWriteOnly: true,
    enablePatterns: true,
    maxSampleDepth: MAX_DEPTH,
  }
  return { status, body: sample(schema, options, document) }
}

const NOT_RULES = new Set(['example', 'examples', 'x-example', 'default'])

/** A document without the examples and defaults in its schemas, many of which are not as the schemas say. */
export function withoutExamples<T>(value: T, isMap = false): T {
  if (Array.isArray(value)) return value.map((item) => withoutExamples(item)) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(
    ([key, child]) => isMap || !NOT_RULES.has(key) || (key === 'default' && typeof child === 'object'),
  )
  return Object.fromEntries(
    entries.map(([key, child]) => [key, withoutExamples(child, !isMap && key === 'properties')]),
  ) as T
}

const resolvedIn = (document: Node, node: Node): Node =>
  typeof node.$ref === 'string'
    ? node.$ref
        .slice(2)
        .split('/')
        .reduce<Node>(
          (found, name) => found?.[name.replaceAll('~1', '/').replaceAll('~0', '~')] ?? {},
          document,
        )
    : node

/** The same answer with the values at its top of another type: one that no schema worth its name lets pass. */
export function garbled(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? 'not a list' : value.map(garbled)
  if (typeof value !== 'object' || value === null) return { garbled: true }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'object' ? 'garbled' : { garbled: true },
    ]),
  )
}

/** How the pages of a list follow each other, in words of the request and the answer. */
export interface PagingContract {
  type: 'page' | 'offset' | 'cursor' | 'link'
  /** Where the request says which page: a query parameter, or a field of a JSON body. */
  name?: string
  /** Dot paths in the answer; '' is the answer itself. */
  items: string
  next?: string
  hasMore?: string
  firstPage?: number
}

export const PAGES = 3
export const PER_PAGE = 2
/** The last page is a short one. */
export const ITEMS = PAGES * PER_PAGE - 1

/** The page of the sample answer that is asked for; undefined where the answer has no such list. */
export function pageOf(
  answer: unknown,
  contract: PagingContract,
  asked: string | undefined,
  addressOf: (cursor: string) => string,
): { body: unknown; link?: string } | undefined {
  const list = at(answer, contract.items)
  if (!Array.isArray(list) || list.length === 0) return undefined
  const first = contract.type === 'page' ? (contract.firstPage ?? 1) : 0
  const number = pageNumber(contract, asked, first)
  const count = number < 0 || number >= PAGES ? 0 : number === PAGES - 1 ? 1 : PER_PAGE
  const isLast = number >= PAGES - 1
  const items = Array.from({ length: Number.isFinite(count) ? count : 0 }, (_, index) =>
    numbered(list[0], number * PER_PAGE + index),
  )
  let body = put(structuredClone(answer), contract.items, items)
  const cursor = `c${number + 1}`
  if (contract.type === 'cursor' && contract.next !== undefined && !contract.next.includes('-1'))
    body = put(body, contract.next, isLast ? null : cursor)
  if (contract.type === 'link' && contract.next !== undefined)
    body = put(body, contract.next, isLast ? null : addressOf(cursor))
  if (contract.hasMore !== undefined) body = put(body, contract.hasMore, !isLast)
  const link = contract.type === 'link' && contract.next === undefined && !isLast
  return { body, ...(link ? { link: `<${addressOf(cursor)}>; rel="next"` } : {}) }
}

function pageNumber(contract: PagingContract, asked: string | undefined, first: number): number {
  if (contract.type === 'offset') return Math.floor(Number(asked ?? 0) / PER_PAGE)
  if (contract.type === 'page') return Number(asked ?? first) - first
  const told = Number((asked ?? '').replace(/\D/g, ''))
  // Where the last item is the cursor, its number is that of the item, else that of the page.
  if (contract.next?.includes('-1')) return asked === undefined ? 0 : (told + 1) / PER_PAGE
  return told
}

/** An item like the others, with its number where its schema takes any text: no two pages are the same. */
function numbered(item: unknown, number: number): unknown {
  if (item === ANY_TEXT) return `${ANY_TEXT} ${number}`
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [key, value === ANY_TEXT ? `${ANY_TEXT} ${number}` : value]),
  )
}

/** What the sampler makes of a text without a rule. */
const ANY_TEXT = 'string'

const stepsOf = (path: string) => path.split('.').filter((step) => step !== '')

const at = (value: unknown, path: string): unknown =>
  stepsOf(path).reduce<unknown>((found, step) => Object(found)[step], value)

function put(root: unknown, path: string, value: unknown): unknown {
  const steps = stepsOf(path)
  const last = steps.pop()
  if (last === undefined) return value
  const holder = steps.reduce<unknown>((found, step) => Object(found)[step], root)
  if (typeof holder === 'object' && holder !== null) (holder as Record<string, unknown>)[last] = value
  return root
}
