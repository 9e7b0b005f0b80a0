import type { ImportContext } from '../context.ts'
import { isNode, type Node, nodeAt, own, stringsAt, textAt } from '../nodes.ts'

/** The parts of a Swagger 2.0 document that are not operations, as OpenAPI 3.0 has them. */
export function upgradeDocument(context: ImportContext, root: Node): Node {
  const definitions = nodeAt(root, 'securityDefinitions') ?? {}
  return {
    ...root,
    servers: [{ url: serverUrl(context, root, schemesOf(root)) }],
    components: {
      securitySchemes: Object.fromEntries(
        Object.entries(definitions).map(([name, node]) => [
          name,
          isNode(node) ? upgradeSecurityScheme(node) : node,
        ]),
      ),
    },
  }
}

/** `schemes` of the document or an operation, https first. */
export function schemesOf(node: Node): string[] {
  const schemes = stringsAt(node, 'schemes').map((scheme) => scheme.toLowerCase())
  return schemes
    .filter((scheme) => scheme === 'https' || scheme === 'http')
    .sort()
    .reverse()
}

/** The address that paths are appended to; relative when the document does not say its host. */
export function serverUrl(context: ImportContext, root: Node, schemes: string[]): string {
  const host = textAt(root, 'host') ?? ''
  const basePath = textAt(root, 'basePath') ?? '/'
  const path = basePath.startsWith('/') ? basePath : `/${basePath}`
  if (host === '') return path
  const [scheme] = schemes
  if (scheme === undefined) {
    context.warn('#/schemes', 'The document names no http scheme; the API is taken to be at https.')
  }
  return `${scheme ?? 'https'}://${host.replace(/^\w+:\/\//, '').replace(/\/+$/, '')}${path}`
}

const FLOWS: Record<string, string> = {
  accessCode: 'authorizationCode',
  application: 'clientCredentials',
  implicit: 'implicit',
  password: 'password',
}

function upgradeSecurityScheme(node: Node): Node {
  const type = textAt(node, 'type')
  if (type === 'basic') return { ...node, type: 'http', scheme: 'basic' }
  if (type !== 'oauth2') return node
  const { flow, authorizationUrl, tokenUrl, scopes, ...rest } = node
  const name = FLOWS[String(flow)]
  if (name === undefined) return { ...rest, flows: {} }
  return {
    ...rest,
    flows: {
      [name]: {
        ...(authorizationUrl === undefined ? {} : { authorizationUrl }),
        ...(tokenUrl === undefined ? {} : { tokenUrl }),
        scopes: isNode(scopes) ? scopes : {},
        ...(own(node, 'x-refreshUrl') === undefined ? {} : { refreshUrl: own(node, 'x-refreshUrl') }),
      },
    },
  }
}
