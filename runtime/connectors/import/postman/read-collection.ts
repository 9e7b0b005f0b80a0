import type { ImportContext } from '../context.ts'
import type { Place } from '../documents.ts'
import type { FoundOperation } from '../find-operations.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer, textAt } from '../nodes.ts'
import { type AuthCollector, buildAuthCollector } from './auth.ts'
import { mapRequest, type RequestScope } from './map-request.ts'
import { plainDescription } from './text.ts'
import { type Variables, withVariables } from './variables.ts'

export interface ReadCollection {
  /** Servers, security schemes and information, as an OpenAPI document has them. */
  root: Node
  found: FoundOperation[]
}

/**
 * A Postman collection as OpenAPI operations, one for each request in the collection's order. Items that are no
 * requests are among them, with the reason. Scripts are counted and reported: they are not run.
 * @param environments exported environments; their variables win over the collection's
 */
export function readCollection(
  context: ImportContext,
  collection: Node,
  environments: Node[],
): ReadCollection {
  const auth = buildAuthCollector()
  const found: FoundOperation[] = []
  const scripts = { prerequest: 0, test: 0 }
  const base = environments.reduce<Variables>(
    (all, environment) => withVariables(all, environment, 'values'),
    withVariables(new Map(), collection),
  )
  const countScripts = (node: Node) => {
    for (const event of listAt(node, 'event').filter(isNode)) {
      const listen = textAt(event, 'listen') === 'prerequest' ? 'prerequest' : 'test'
      if (hasCode(nodeAt(event, 'script') ?? {})) scripts[listen] += 1
    }
  }
  const { file } = context.documents.root
  const walk = (items: unknown[], scope: RequestScope, at: string): void => {
    for (const [index, item] of items.entries()) {
      const place: Place = { node: item, file, pointer: pointer(at, index) }
      if (!isNode(item)) {
        found.push(unusable(place, 'the item is not an object'))
        continue
      }
      countScripts(item)
      if (Array.isArray(own(item, 'item')))
        walk(listAt(item, 'item'), inner(scope, item), pointer(place.pointer, 'item'))
      else found.push(mapRequest(place, item, scope, auth))
    }
  }
  countScripts(collection)
  const prefix = context.documents.root.node === collection ? '' : pointer('', 'collection')
  const scope: RequestScope = { folders: [], auth: nodeAt(collection, 'auth'), variables: base }
  walk(listAt(collection, 'item'), scope, pointer(prefix, 'item'))
  if (scripts.prerequest + scripts.test > 0) {
    context.warn(
      '#/event',
      `The collection has ${scripts.prerequest} pre-request and ${scripts.test} test scripts; scripts are not run.`,
    )
  }
  return { root: upgradeRoot(collection, found, auth), found }
}

const hasCode = (script: Node): boolean => {
  const code = own(script, 'exec')
  return (Array.isArray(code) ? code.join('') : String(code ?? '')).trim() !== ''
}

const inner = (scope: RequestScope, folder: Node): RequestScope => ({
  folders: [...scope.folders, textAt(folder, 'name') ?? ''].filter((name) => name.trim() !== ''),
  auth: nodeAt(folder, 'auth') ?? scope.auth,
  variables: withVariables(scope.variables, folder),
})

const unusable = (place: Place, reason: string): FoundOperation => ({
  method: 'get',
  path: `#${place.pointer}`,
  operationId: undefined,
  pathItem: { ...place, node: {} },
  operation: place,
  unusable: reason,
})

/** The server most requests go to becomes the connector's; the others keep theirs. */
function upgradeRoot(collection: Node, found: FoundOperation[], auth: AuthCollector): Node {
  const counts = new Map<string, { count: number; server: Node }>()
  for (const { operation } of found) {
    const server = isNode(operation.node) ? listAt(operation.node, 'servers').find(isNode) : undefined
    if (server === undefined) continue
    const key = String(server.url)
    const known = counts.get(key) ?? { count: 0, server }
    counts.set(key, { ...known, count: known.count + 1 })
  }
  const main = [...counts.values()].sort((a, b) => b.count - a.count)[0]?.server
  for (const { operation } of found) {
    if (!isNode(operation.node)) continue
    const server = listAt(operation.node, 'servers').find(isNode)
    if (server?.url === main?.url) delete operation.node.servers
  }
  const info = nodeAt(collection, 'info') ?? {}
  return {
    info: { title: textAt(info, 'name') ?? '', description: plainDescription(own(info, 'description')) },
    ...(main === undefined ? {} : { servers: [main] }),
    components: { securitySchemes: auth.schemes },
  }
}
