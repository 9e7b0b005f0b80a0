import { isNode, listAt, type Node, own, textAt } from '../nodes.ts'
import { plainDescription } from './text.ts'
import { resolve, type Variables } from './variables.ts'

export interface QueryPair {
  name: string
  value: string
  disabled: boolean
  description: string
}

export interface RequestUrl {
  /** Server part, `{name}` for its variables; undefined when the collection does not say. */
  server: string | undefined
  /** Values of the variables in `server`. */
  serverVariables: Record<string, string>
  /** Path with `{name}` for its parameters. */
  path: string
  pathVariables: Map<string, { value: string; description: string }>
  query: QueryPair[]
}

/** Takes the `url` of a request apart: text, or an object of parts. Undefined when there is no address. */
export function parseUrl(url: unknown, variables: Variables): RequestUrl | undefined {
  const node = isNode(url) ? url : {}
  const raw = (typeof url === 'string' ? url : (textAt(node, 'raw') ?? joinParts(node))).trim()
  if (raw === '') return undefined
  const [address = '', search = ''] = splitOnce(raw.replace(/#.*$/, ''), '?')
  const { base, rest } = splitBase(address)
  const { server, serverVariables, prefix } = readBase(base, variables)
  const { path, names } = pathTemplate(`${prefix}${rest}`)
  const described = new Map(
    listAt(node, 'variable')
      .filter(isNode)
      .map((entry) => [
        textAt(entry, 'key') ?? textAt(entry, 'id') ?? '',
        { value: text(own(entry, 'value')), description: plainDescription(own(entry, 'description')) },
      ]),
  )
  return {
    server,
    serverVariables,
    path,
    pathVariables: new Map(
      names.map(({ name, written }) => [name, described.get(written) ?? { value: '', description: '' }]),
    ),
    query: Array.isArray(own(node, 'query'))
      ? listAt(node, 'query').filter(isNode).map(toPair)
      : parseSearch(search),
  }
}

const text = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : ''

function joinParts(node: Node): string {
  const join = (key: string, separator: string): string => {
    const value = own(node, key)
    if (!Array.isArray(value)) return text(value).replace(/^\//, '')
    return value.map((part) => text(isNode(part) ? own(part, 'value') : part)).join(separator)
  }
  const host = join('host', '.')
  if (host === '') return ''
  const protocol = text(own(node, 'protocol'))
  const port = text(own(node, 'port'))
  const path = join('path', '/')
  return `${protocol === '' ? '' : `${protocol}://`}${host}${port === '' ? '' : `:${port}`}${path === '' ? '' : `/${path}`}`
}

function splitOnce(value: string, separator: string): [string, string] {
  const at = value.indexOf(separator)
  return at === -1 ? [value, ''] : [value.slice(0, at), value.slice(at + separator.length)]
}

/** `https://api.example.com` and `/users`; `{{baseUrl}}` and `/users`. */
function splitBase(address: string): { base: string; rest: string } {
  const start = /^[^/]*:\/\//.exec(address)?.[0].length ?? 0
  const slash = address.indexOf('/', start)
  return slash === -1
    ? { base: address, rest: '' }
    : { base: address.slice(0, slash), rest: address.slice(slash) }
}

function readBase(
  base: string,
  variables: Variables,
): { server: string | undefined; serverVariables: Record<string, string>; prefix: string } {
  // A variable that is the whole address is filled in; one that is a part of it stays the connection's to set.
  const filled = /^\{\{[^{}]+\}\}/.test(base) ? resolve(base, variables) : base
  if (filled === '' || /^\{\{[^{}]+\}\}/.test(filled)) {
    return { server: undefined, serverVariables: {}, prefix: '' }
  }
  const serverVariables: Record<string, string> = {}
  const server = filled.replace(/\{\{([^{}]+)\}\}/g, (_match, written: string) => {
    const name = safeName(written)
    serverVariables[name] = resolve(`{{${written}}}`, variables).replace(/^\{\{.*\}\}$/, '')
    return `{${name}}`
  })
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `https://${server}`
  return { server: absolute.replace(/\/+$/, ''), serverVariables, prefix: '' }
}

const safeName = (name: string): string =>
  name
    .trim()
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '') || 'value'

/** `/users/:id/{{tab}}` → `/users/{id}/{tab}`. A name that comes twice gets a number. */
function pathTemplate(path: string): { path: string; names: { name: string; written: string }[] } {
  const names: { name: string; written: string }[] = []
  const parameter = (written: string): string => {
    const plain = safeName(written)
    let name = plain
    for (let number = 2; names.some((known) => known.name === name); number += 1) name = `${plain}_${number}`
    names.push({ name, written })
    return `{${name}}`
  }
  const segments = path.split('/').map((segment) => {
    if (/^:[A-Za-z_]/.test(segment)) return parameter(segment.slice(1))
    return segment.replace(/\{?\{([^{}]+)\}\}?/g, (_match, written: string) => parameter(written))
  })
  const joined = segments.join('/')
  return { path: joined.startsWith('/') ? joined : `/${joined}`, names }
}

const toPair = (entry: Node): QueryPair => ({
  name: text(own(entry, 'key')),
  value: text(own(entry, 'value')),
  disabled: own(entry, 'disabled') === true,
  description: plainDescription(own(entry, 'description')),
})

function parseSearch(search: string): QueryPair[] {
  return search
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name, value] = splitOnce(pair, '=')
      return { name: decode(name), value: decode(value), disabled: false, description: '' }
    })
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    // A stray '%': the text means itself.
    return value
  }
}
