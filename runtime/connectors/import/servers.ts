import { invalidInput } from '../../../core/errors.ts'
import type { ServerVariable } from '../definition.ts'
import { UNKNOWN_HOST } from '../server-url.ts'
import type { ImportContext } from './context.ts'
import { isNode, listAt, type Node, nodeAt, stringsAt, textAt } from './nodes.ts'
import { plainText } from './text.ts'

export interface MappedServers {
  baseUrl: string
  variables: Record<string, ServerVariable> | undefined
  /** Base URL of an operation or path item that names its own server. */
  ownServer(node: Node): string | undefined
}

const PLACEHOLDER = /\{([^{}]+)\}/g

/** The base URL: `override` when given, else the first server. A relative server is resolved against it. */
export function mapServers(context: ImportContext, root: Node, override: string | undefined): MappedServers {
  const servers = listAt(root, 'servers').filter(isNode)
  const [first] = servers
  const declared = first === undefined ? '/' : (textAt(first, 'url') ?? '/')
  if (servers.length > 1 && override === undefined) {
    const others = servers.slice(1).map((server) => textAt(server, 'url') ?? '')
    context.warn('#/servers', `${declared} is used; the document also names ${others.join(', ')}.`)
  }
  if (override !== undefined) {
    return {
      baseUrl: overrideBase(override, declared),
      variables: undefined,
      ownServer: (node) => absolute(node, undefined),
    }
  }
  const url = URL.parse(declared.replace(PLACEHOLDER, 'x'))
  const isHttp = url !== null && isWeb(url)
  if (!isHttp) {
    context.warn(
      '#/servers',
      `The document does not say on which host the API is (server '${declared.slice(0, 200)}'). Set baseUrl before calling it.`,
    )
  }
  // `file:` and the like are no servers at all; what is relative keeps its path.
  const baseUrl = isHttp ? declared : new URL(url === null ? declared : '/', `https://${UNKNOWN_HOST}`).href
  const variables = first === undefined ? {} : mapVariables(first, baseUrl)
  return {
    baseUrl: trimSlash(baseUrl),
    variables: Object.keys(variables).length > 0 ? variables : undefined,
    ownServer: (node) => absolute(node, baseUrl),
  }
}

function overrideBase(override: string, declared: string): string {
  const url = URL.parse(override.replace(PLACEHOLDER, 'x'))
  if (url === null || !isWeb(url)) {
    throw invalidInput(`The base URL '${override}' is not an absolute http or https URL.`, {
      where: 'baseUrl',
      hint: "Give the whole address, such as 'https://api.example.com/v1'.",
    })
  }
  // A bare host given for a relative server '/api/v3' stands for the host alone.
  const relative = declared.startsWith('/') && declared !== '/'
  return trimSlash(relative && url.pathname === '/' ? new URL(declared, override).href : override)
}

function mapVariables(server: Node, baseUrl: string): Record<string, ServerVariable> {
  const described = nodeAt(server, 'variables') ?? {}
  const out: Record<string, ServerVariable> = {}
  for (const [, name = ''] of baseUrl.matchAll(PLACEHOLDER)) {
    const node = nodeAt(described, name) ?? {}
    const values = stringsAt(node, 'enum')
    const description = plainText(textAt(node, 'description'))
    const fallback = node.default
    out[name] = {
      default: fallback === undefined || fallback === null ? (values[0] ?? '') : String(fallback),
      ...(values.length > 0 ? { enum: values } : {}),
      ...(description === '' ? {} : { description }),
    }
  }
  return out
}

/** Own servers of an operation with their variables filled in: they are not the connection's to change. */
function absolute(node: Node, base: string | undefined): string | undefined {
  const server = listAt(node, 'servers').find(isNode)
  const declared = server === undefined ? undefined : textAt(server, 'url')
  if (server === undefined || declared === undefined) return undefined
  const variables = nodeAt(server, 'variables') ?? {}
  const filled = declared.replace(PLACEHOLDER, (_match, name: string) =>
    String(nodeAt(variables, name)?.default ?? ''),
  )
  const url = base === undefined ? URL.parse(filled) : URL.parse(filled, base.replace(PLACEHOLDER, 'x'))
  return url === null || !isWeb(url) ? undefined : trimSlash(url.href)
}

/** A scheme may be a variable: 'x' stands for it then. */
const isWeb = (url: URL): boolean => /^(https?|x):$/.test(url.protocol)

const trimSlash = (url: string): string => url.replace(/\/+$/, '')
