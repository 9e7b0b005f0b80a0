import type { PrismOperation } from './prism.ts'

type Node = Record<string, unknown>

/**
 * Operations whose schemas Prism can compile: it takes a value whose schema it cannot for right. Null is one more
 * alternative where `nullable` stands without a type, an enum lists each value once, and Swagger's type `file` is any.
 * Where a schema holds itself, Prism refers to it by its place in the document, or refers to no more than its
 * `properties`: a reference from the schema's own root says the same.
 */
export function mended(operations: PrismOperation[]): PrismOperation[] {
  const readable = rewritten(operations, (node) => withOwnReferences(withReadableTypes(node)))
  for (const { __bundled__: bundle = {} } of readable) {
    const maps = Object.entries(bundle).filter(([name]) => /^properties(_\d+)?$/.test(name))
    Object.assign(
      bundle,
      Object.fromEntries(maps.map(([name, map]) => [name + AS_SCHEMA, { properties: map }])),
    )
  }
  for (const { request } of readable)
    for (const { schema } of request?.body?.contents ?? []) if (schema !== undefined) direct(schema as Node)
  return readable
}

function withReadableTypes({ enum: values, nullable, type, ...rest }: Node): Node {
  const typed = {
    ...rest,
    ...(type === undefined || type === 'file' ? {} : { type }),
    ...(Array.isArray(values)
      ? { enum: [...new Set(values)] }
      : values === undefined
        ? {}
        : { enum: values }),
  }
  if (typeof nullable !== 'boolean') return nullable === undefined ? typed : { ...typed, nullable }
  if (type !== undefined) return { ...typed, nullable }
  return nullable ? { anyOf: [typed, { type: 'null' }] } : typed
}

/** Beside a map of properties that Prism has by itself, a schema of them. */
const AS_SCHEMA = '.schema'

/** `#/paths/~1pets/post/requestBody/content/application~1json/schema/properties/parent` */
const PLACE = /^#\/paths\/[^/]+\/[^/]+\/requestBody\/content\/[^/]+\/schema/

function withOwnReferences({ $ref, properties, ...rest }: Node): Node {
  const own =
    typeof $ref === 'string' ? { $ref: $ref.replace(PLACE, '#') } : $ref === undefined ? {} : { $ref }
  const map = (properties as Node | undefined)?.$ref
  if (typeof map !== 'string') return { ...rest, ...own, ...(properties === undefined ? {} : { properties }) }
  const whole = map.endsWith('/properties') ? map.replace(/\/properties$/, '') : `${map}${AS_SCHEMA}`
  return { ...rest, ...own, allOf: [...asList(rest.allOf), { $ref: whole }] }
}

/** References that lead through other references, which no validator follows, lead where those do. */
function direct(root: Node): void {
  const done = new Set<object>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || done.has(value)) return
    done.add(value)
    const { $ref } = value as Node
    if (typeof $ref === 'string' && $ref.startsWith('#/properties/'))
      Object.assign(value, { $ref: `#${follow(root, $ref.slice(1), 0).place}` })
    Object.values(value).forEach(visit)
  }
  visit(root)
}

const MAX_HOPS = 50

function follow(root: Node, pointer: string, hops: number): { place: string; node: unknown } {
  let found: { place: string; node: unknown } = { place: '', node: root }
  for (const token of pointer.split('/').slice(1)) {
    const { $ref } = Object(found.node) as Node
    if (typeof $ref === 'string' && $ref.startsWith('#/') && hops < MAX_HOPS)
      found = follow(root, $ref.slice(1), hops + 1)
    const key = decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~')
    found = { place: `${found.place}/${token}`, node: (Object(found.node) as Node)[key] }
  }
  return found
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const relaxed = new WeakMap<PrismOperation, PrismOperation>()

/** The operation with `anyOf` for each `oneOf`: alternatives may overlap. */
export function withOverlaps(operation: PrismOperation): PrismOperation {
  const known = relaxed.get(operation)
  if (known !== undefined) return known
  const made = rewritten(operation, ({ oneOf, ...rest }) => {
    if (!Array.isArray(oneOf)) return oneOf === undefined ? rest : { ...rest, oneOf }
    if (rest.anyOf === undefined) return { ...rest, anyOf: oneOf }
    return { ...rest, allOf: [...asList(rest.allOf), { anyOf: oneOf }] }
  })
  relaxed.set(operation, made)
  return made
}

/** A copy with every object inside changed; parts that are shared stay shared, and cycles stay cycles. */
function rewritten<T>(root: T, change: (node: Node) => Node): T {
  const done = new Map<object, object>()
  const visit = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    const known = done.get(value)
    if (known !== undefined) return known
    if (Array.isArray(value)) {
      const list: unknown[] = []
      done.set(value, list)
      list.push(...value.map(visit))
      return list
    }
    const node: Node = {}
    done.set(value, node)
    const inner = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, visit(child)]))
    return Object.assign(node, change(inner))
  }
  return visit(root) as T
}
