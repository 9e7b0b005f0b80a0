import type { Place } from '../documents.ts'
import type { FoundOperation } from '../find-operations.ts'
import { isNode, listAt, type Node, own, textAt } from '../nodes.ts'
import { plainText } from '../text.ts'
import { type AuthCollector, fromHeader, fromQuery } from './auth.ts'
import { mapPostmanBody, parseTemplate } from './body.ts'
import { type HeaderPair, headerOf, readHeaders } from './headers.ts'
import { inferSchema, inferTextSchema } from './infer-schema.ts'
import { parseUrl, type QueryPair, type RequestUrl } from './parse-url.ts'
import { plainDescription } from './text.ts'
import type { Variables } from './variables.ts'

/** What a request inherits from its folders and the collection. */
export interface RequestScope {
  folders: string[]
  auth: Node | undefined
  variables: Variables
}

/** One item of a collection as an OpenAPI operation; `unusable` says why not, if it is none. */
export function mapRequest(
  place: Place,
  item: Node,
  scope: RequestScope,
  auth: AuthCollector,
): FoundOperation {
  const name = plainText(textAt(item, 'name'))
  const base = {
    operationId: undefined,
    pathItem: { ...place, node: {} },
    nameHint: nameHint(scope.folders, name),
  }
  const declared = own(item, 'request')
  const bad = (reason: string): FoundOperation => ({
    ...base,
    method: 'get',
    path: name === '' ? `#${place.pointer}` : name,
    operation: place,
    unusable: reason,
  })
  // A request may be only its address: a GET.
  const request = typeof declared === 'string' ? { url: declared } : declared
  if (!isNode(request)) return bad('the item has neither a request nor items')
  const url = parseUrl(own(request, 'url'), scope.variables)
  if (url === undefined) return bad('the request has no url')
  const method = own(request, 'method') ?? 'GET'
  if (typeof method !== 'string' || !/^[A-Za-z]+$/.test(method)) return bad('its method is not a word')

  const examples = listAt(item, 'response').filter(isNode)
  const originals = examples.map((example) => own(example, 'originalRequest')).filter(isNode)
  const headers = readHeaders(own(request, 'header'))
  const { requestBody, notes } = mapPostmanBody(
    own(request, 'body'),
    originals.map((original) => own(original, 'body')),
    headerOf(headers, 'content-type'),
  )
  const ownAuth = own(request, 'auth')
  const live = headers.filter((header) => !header.disabled)
  const required = auth.requirement(
    isNode(ownAuth) ? ownAuth : scope.auth,
    live,
    url.query.filter((pair) => !pair.disabled).map((pair) => pair.name),
  )
  const operation: Node = {
    summary: name,
    description: plainDescription(own(request, 'description')) || plainDescription(own(item, 'description')),
    tags: scope.folders,
    parameters: [...pathParameters(url), ...queryParameters(url.query), ...headerParameters(headers)],
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: mapResponses(examples, headerOf(headers, 'accept')),
    security: Object.keys(required).length > 0 ? [required] : [],
    ...(url.server === undefined ? {} : { servers: [server(url.server, url.serverVariables)] }),
  }
  return {
    ...base,
    method: method.toLowerCase(),
    path: url.path,
    operation: { ...place, node: operation },
    approximations: notes,
  }
}

const server = (url: string, variables: Record<string, string>): Node => ({
  url,
  variables: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, { default: value }])),
})

/** Folder and name: a request's name rarely says what it is about ("List", "Create"). */
function nameHint(folders: string[], name: string): string {
  const folder = folders.at(-1) ?? ''
  const said = new Set(words(name))
  const isSaid = words(folder).every((word) => said.has(word))
  return isSaid ? name : `${folder} ${name}`
}

const words = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/ies$/, 'y').replace(/s$/, ''))

const pathParameters = (url: RequestUrl): Node[] =>
  [...url.pathVariables].map(([name, { value, description }]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: inferTextSchema([value], name),
  }))

const PAGING = /^(page|limit|offset|cursor|per_?page|page_?size|skip|start|count|sort|order|fields|include)/i

function queryParameters(query: QueryPair[]): Node[] {
  const groups = Map.groupBy(
    query.filter(({ name }) => name !== '' && !name.includes('{{') && fromQuery(name) === undefined),
    ({ name }) => name,
  )
  return [...groups].map(([name, pairs]) => {
    const values = pairs.map(({ value }) => value)
    const description = pairs.find((pair) => pair.description !== '')?.description ?? ''
    const item = inferTextSchema(values, name)
    const isList = pairs.filter(({ disabled }) => !disabled).length > 1
    // What a request always sends with a value of its own makes it the request that it is.
    const fixed = pairs.some(({ disabled, value }) => !disabled && value !== '' && !/^<|\{\{/.test(value))
    const optional = /^\(?optional/i.test(description) || PAGING.test(name)
    return {
      name,
      in: 'query',
      description,
      ...(/^\(?required/i.test(description) || (fixed && !optional) ? { required: true } : {}),
      schema: isList ? { type: 'array', items: item } : item,
      ...(isList ? { style: 'form', explode: true } : {}),
    }
  })
}

const TRANSPORT =
  /^(accept|content-type|content-length|host|connection|user-agent|accept-encoding|postman-token|cache-control|cookie|authorization)$/i

const headerParameters = (headers: HeaderPair[]): Node[] =>
  [...new Map(headers.map((header) => [header.name.toLowerCase(), header])).values()]
    .filter((header) => !TRANSPORT.test(header.name) && fromHeader(header) === undefined)
    .map(({ name, value, disabled, description }) => ({
      name,
      in: 'header',
      description,
      schema: {
        ...inferTextSchema([value], name),
        ...(disabled || value === '' || value.includes('{{') ? {} : { default: value }),
      },
    }))

/** Saved examples as responses: the types of all successful JSON bodies, merged. */
function mapResponses(examples: Node[], accept: string | undefined): Node {
  const successes = examples.filter(({ code }) => typeof code !== 'number' || (code >= 200 && code < 300))
  const type = accept?.split(',')[0]?.trim()
  if (successes.length === 0) {
    const content = type === undefined || type.includes('*') ? {} : { content: { [type]: {} } }
    return { 200: { description: '', ...content } }
  }
  const code = successes.find(({ code: status }) => typeof status === 'number')?.code ?? 200
  const bodies = successes.map((example) => parseTemplate(textAt(example, 'body') ?? ''))
  const values = bodies.filter((body) => body !== undefined)
  const headers = readHeaders(own(successes[0] ?? {}, 'header'))
  const given = headerOf(headers, 'content-type')?.split(';')[0]
  const contentType = given ?? type ?? (values.length > 0 ? 'application/json' : undefined)
  return {
    [String(code)]: {
      description: '',
      headers: Object.fromEntries(headers.map((header) => [header.name, {}])),
      ...(contentType === undefined
        ? {}
        : { content: { [contentType]: values.length > 0 ? { schema: inferSchema(values) } : {} } }),
    },
  }
}
