import { parse } from 'yaml'

// biome-ignore lint/suspicious/noExplicitAny: a document of any version of three formats
type Node = Record<string, any>

const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch'])

export interface Excerpt {
  document: Node
  /** Where the API is, below the host: `/api/v3`. */
  basePath: string
}

/**
 * A part of an API description (OpenAPI 3 or Swagger 2.0): `operations` of its operations, taken evenly over the
 * document, and only what they refer to; served at `origin`. Small enough to be read many times, and as its authors
 * wrote it.
 */
export function excerptOf(text: string, operations: number, origin: string): Excerpt {
  const whole = (
    text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: -1 })
  ) as Node
  const all = Object.entries(whole.paths as Node).flatMap(([path, item]) =>
    Object.keys(item as Node)
      .filter((key) => METHODS.has(key))
      .map((method) => ({ path, method })),
  )
  const step = Math.max(1, all.length / operations)
  const chosen = new Set(
    Array.from({ length: Math.min(operations, all.length) }, (_, index) => all[Math.floor(index * step)]),
  )
  const paths: Node = {}
  for (const { path, method } of all.filter((operation) => chosen.has(operation))) {
    const item = whole.paths[path] as Node
    const others = Object.entries(item).filter(([key]) => !METHODS.has(key) && key !== 'servers')
    const { servers: _own, ...operation } = item[method] as Node
    paths[path] ??= Object.fromEntries(others)
    paths[path][method] = operation
  }
  const { components, definitions, parameters, responses, webhooks: _webhooks, ...head } = whole
  const kept: Node = { ...head, paths }
  if (components?.securitySchemes !== undefined)
    kept.components = { securitySchemes: components.securitySchemes }
  keepReferences({ components, definitions, parameters, responses }, kept)
  return served(kept, origin)
}

/** Adds whatever is referred to, until nothing is missing. */
function keepReferences(source: Node, kept: Node): void {
  const pending: unknown[] = [kept]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const { $ref } = value as Node
    if (typeof $ref === 'string' && $ref.startsWith('#/')) {
      const steps = $ref
        .slice(2)
        .split('/')
        .slice(0, $ref.startsWith('#/components/') ? 3 : 2)
      const names = steps.map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'))
      const target = names.reduce<Node | undefined>((node, name) => node?.[name], source)
      if (target !== undefined && put(kept, names, target)) pending.push(target)
    }
    pending.push(...Object.values(value).filter((child) => child !== null && child !== undefined))
  }
}

/** @returns was it not there before? */
function put(root: Node, names: readonly string[], value: unknown): boolean {
  let node = root
  for (const name of names.slice(0, -1)) {
    node[name] ??= {}
    node = node[name]
  }
  const last = names.at(-1) ?? ''
  if (Object.hasOwn(node, last)) return false
  node[last] = value
  return true
}

function served(document: Node, origin: string): Excerpt {
  const { host, pathname } = new URL(origin)
  const prefix = pathname.replace(/\/+$/, '')
  if (document.swagger !== undefined) {
    const basePath = `${prefix}${document.basePath ?? ''}`.replace(/\/+$/, '')
    return { document: { ...document, host, basePath, schemes: ['http'] }, basePath }
  }
  const [server] = (document.servers ?? []) as { url: string }[]
  const own = URL.parse((server?.url ?? '/').replace(/\{[^{}]*\}/g, 'x'), origin)?.pathname ?? ''
  const basePath = `${prefix}${own}`.replace(/\/+$/, '')
  return { document: { ...document, servers: [{ url: `http://${host}${basePath}` }] }, basePath }
}
