import type { AuthMethod } from '../auth-method.ts'
import { combineMethods } from './combine-methods.ts'
import type { ImportContext } from './context.ts'
import { showPlace } from './documents.ts'
import type { FoundOperation } from './find-operations.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer } from './nodes.ts'
import { mapScheme } from './security-schemes.ts'
import { buildUniqueNames } from './unique-name.ts'

export interface MappedSecurity {
  authMethods: AuthMethod[]
  /** Slugs of the auth methods an operation takes; undefined when any of the connector's will do. */
  forOperation(operation: Node): { auth: string[] | undefined; approximations: string[] }
}

/**
 * Security schemes as auth methods, and the requirements of operations in terms of them. Schemes that are only
 * ever asked for together become one method that sends both.
 */
export function mapSecurity(
  context: ImportContext,
  root: Node,
  operations: FoundOperation[],
): MappedSecurity {
  const schemes = nodeAt(nodeAt(root, 'components') ?? {}, 'securitySchemes') ?? {}
  const fallback = listAt(root, 'security')
  const requirementsOf = (node: unknown): unknown[] =>
    isNode(node) && own(node, 'security') !== undefined ? listAt(node, 'security') : fallback
  const all = [fallback, ...operations.map(({ operation }) => requirementsOf(operation.node))].flat()
  const scopes = scopesAskedFor(fallback, all)

  const known = new Map<string, AuthMethod[]>()
  const unique = buildUniqueNames()
  for (const [name, node] of Object.entries(schemes)) {
    const place = context.documents.follow({
      node,
      file: context.documents.root.file,
      pointer: pointer('', 'components', 'securitySchemes', name),
    })
    if (!isNode(place.node)) continue
    const warn = (message: string) => context.warn(showPlace(context.documents, place), message)
    known.set(name, mapScheme(name, place.node, scopes.get(name) ?? [], unique, warn))
  }

  const combined = new Map<string, AuthMethod[]>()
  const alone = new Set<string>()
  for (const requirement of all) {
    const names = isNode(requirement) ? Object.keys(requirement).filter((name) => known.has(name)) : []
    if (names.length === 1) alone.add(names[0] ?? '')
    if (names.length < 2 || combined.has(keyOf(names))) continue
    combined.set(
      keyOf(names),
      combineMethods(
        names.map((name) => known.get(name) ?? []),
        unique,
      ),
    )
  }
  const inPairs = new Set(
    [...combined].filter(([, methods]) => methods.length > 0).flatMap(([key]) => key.split('\n')),
  )
  const single = [...known].filter(([name]) => alone.has(name) || !inPairs.has(name)).map(([name]) => name)
  const methodsOf = (requirement: unknown): AuthMethod[] => {
    const names = isNode(requirement) ? Object.keys(requirement).filter((name) => known.has(name)) : []
    const together = names.length > 1 ? (combined.get(keyOf(names)) ?? []) : []
    return together.length > 0 ? together : names.flatMap((name) => known.get(name) ?? [])
  }
  const declared = [...single.flatMap((name) => known.get(name) ?? []), ...[...combined.values()].flat()]
  // What the document asks for by default comes first: it is what a new connection is offered.
  const ordered = [...new Set([...fallback.flatMap(methodsOf), ...declared])]
  return {
    authMethods: ordered.length > 0 ? ordered : undeclared(context),
    forOperation(operation) {
      const stated = Object.hasOwn(operation, 'security') || fallback.length > 0
      if (ordered.length === 0 || !stated) return { auth: undefined, approximations: [] }
      return readRequirements(requirementsOf(operation), known, combined, methodsOf, ordered.length)
    },
  }
}

const keyOf = (names: string[]): string => [...names].sort().join('\n')

function readRequirements(
  requirements: unknown[],
  known: Map<string, AuthMethod[]>,
  combined: Map<string, AuthMethod[]>,
  methodsOf: (requirement: unknown) => AuthMethod[],
  total: number,
): { auth: string[] | undefined; approximations: string[] } {
  const auth = new Set<string>()
  const approximations: string[] = []
  for (const requirement of requirements) {
    const names = isNode(requirement) ? Object.keys(requirement) : []
    for (const name of names) {
      if (!known.has(name))
        approximations.push(`asks for the security scheme '${name}', which is not described`)
    }
    const usable = names.filter((name) => known.has(name))
    if (usable.length > 1 && (combined.get(keyOf(usable)) ?? []).length === 0) {
      approximations.push(`needs ${usable.join(' and ')} together; a connection sends one of them`)
    }
    for (const method of methodsOf(requirement)) auth.add(method.slug)
  }
  const isOptional = requirements.some((item) => isNode(item) && Object.keys(item).length === 0)
  if (isOptional && auth.size > 0) approximations.push('may be called without credentials too; they are sent')
  if (auth.size === 0 && requirements.some((item) => isNode(item) && Object.keys(item).length > 0)) {
    return { auth: undefined, approximations }
  }
  return { auth: auth.size === total ? undefined : [...auth], approximations }
}

const MAX_DEFAULT_SCOPES = 10

/**
 * Scopes to ask for, by scheme: those the document requires of every call, else all that its operations need,
 * when they are few. A longer list is for a person to choose from.
 */
function scopesAskedFor(fallback: unknown[], all: unknown[]): Map<string, string[]> {
  const collect = (requirements: unknown[]) => {
    const scopes = new Map<string, Set<string>>()
    for (const requirement of requirements.filter(isNode)) {
      for (const [name, list] of Object.entries(requirement)) {
        const known = scopes.get(name) ?? new Set()
        for (const scope of Array.isArray(list) ? list : []) if (typeof scope === 'string') known.add(scope)
        scopes.set(name, known)
      }
    }
    return scopes
  }
  const general = collect(fallback)
  const out = new Map<string, string[]>()
  for (const [name, scopes] of collect(all)) {
    const always = [...(general.get(name) ?? [])]
    if (always.length > 0) out.set(name, always)
    else if (scopes.size <= MAX_DEFAULT_SCOPES) out.set(name, [...scopes])
  }
  return out
}

function undeclared(context: ImportContext): AuthMethod[] {
  context.warn(
    '#/components/securitySchemes',
    'The document describes no security scheme. Calls without credentials and with a bearer token are offered; edit authMethods if the API wants something else.',
  )
  return [
    { slug: 'none', type: 'no_auth', name: 'No authentication' },
    { slug: 'bearerToken', type: 'bearer_token', name: 'Bearer token' },
  ]
}
