import { invalidInput } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { ActionBody, ActionDefinition, ActionParameter } from './action-definition.ts'
import type { ConnectorDefinition } from './definition.ts'
import type { LoadedFile } from './input-files.ts'
import { checkHeaders, isHeaderValue } from './request-headers.ts'
import { serializeBody } from './serialize-body.ts'
import { serializeCookie, serializeHeader, serializePath, serializeQuery } from './serialize-parameter.ts'
import { expandBaseUrl } from './server-url.ts'

/** An HTTP request, ready to be sent. Header names are in lower case. */
export interface BuiltRequest {
  method: string
  url: string
  headers: Record<string, string>
  body?: string | Uint8Array
}

/**
 * The HTTP request of an action for an input, without credentials. Pure. Parameters are serialized by their
 * OpenAPI style; a null or missing value is not sent.
 * @param files the stored files that the input refers to, by id
 *
 * @throws AppError `invalid_input` for a missing or empty path parameter, a path parameter that would lead to
 * another path (`..`), a header value with a line break, a base URL whose variables do not fit, and a body without a
 * byte where one is required.
 */
export function buildRequest(
  connector: Pick<ConnectorDefinition, 'baseUrl' | 'variables'> &
    Partial<Pick<ConnectorDefinition, 'schemas'>>,
  action: ActionDefinition,
  input: JsonObject,
  files?: ReadonlyMap<string, LoadedFile>,
): BuiltRequest {
  const headers: Record<string, string> = {}
  const query: string[] = []
  const cookies: string[] = []
  const pathValues = new Map<string, string>()
  for (const parameter of action.parameters) {
    const value = Object.hasOwn(input, parameter.inputKey) ? input[parameter.inputKey] : undefined
    if (parameter.in === 'path') {
      pathValues.set(parameter.name, pathValue(parameter, value))
      continue
    }
    if (value === undefined || value === null) {
      if (parameter.required) throw missing(parameter)
      continue
    }
    if (parameter.in === 'query') {
      const parts = serializeQuery(parameter, value)
      if (parts.length === 0 && parameter.required) throw missing(parameter) // an empty list sends nothing
      query.push(...parts)
    } else if (parameter.in === 'cookie') cookies.push(serializeCookie(parameter, value))
    else headers[parameter.name.toLowerCase()] = headerValue(parameter, value)
  }
  if (cookies.length > 0)
    headers.cookie = [headers.cookie ?? '', ...cookies].filter((pair) => pair !== '').join('; ')
  headers.accept = acceptHeader(action.responseContentType)

  const url = targetUrl(connector, action, pathValues, query)
  const content = bodyValue(action, input)
  if (content === undefined || action.body === undefined) {
    return { method: action.method, url, headers: checkHeaders(headers) }
  }
  const { contentType, body } = serializeBody(action.body, content, {
    description: { ...action, schemas: connector.schemas ?? {} },
    ...(files === undefined ? {} : { files }),
  })
  if (body.length === 0 && action.body.required) throw emptyBody(action, action.body)
  if (body.length === 0 && contentType.startsWith('multipart/')) {
    return { method: action.method, url, headers: checkHeaders(headers) }
  }
  return {
    method: action.method,
    url,
    headers: checkHeaders({ ...headers, 'content-type': contentType }),
    body,
  }
}

function targetUrl(
  connector: Pick<ConnectorDefinition, 'baseUrl' | 'variables'>,
  action: ActionDefinition,
  pathValues: Map<string, string>,
  query: string[],
): string {
  const path = encodeLiteral(action.path).replace(
    /\{([^{}]+)\}/g,
    (placeholder, name: string) => pathValues.get(name) ?? placeholder,
  )
  const [pathname = '', fixedQuery] = path.split('?', 2)
  // A URL parser folds `..` (also encoded), so a value could reach a path that this action is not about.
  if (pathname.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    const parameter = action.parameters.find((candidate) => candidate.in === 'path')
    throw invalidInput("A path parameter must not be '.' or '..'.", {
      where: parameter === undefined ? 'path' : `input.${parameter.inputKey}`,
      hint: 'Give the identifier itself.',
    })
  }
  const base = new URL(action.baseUrl ?? expandBaseUrl(connector))
  if (!/^https?:$/.test(base.protocol)) {
    throw invalidInput(`The base URL is not an address of http or https: '${base.href.slice(0, 200)}'.`, {
      where: 'baseUrl',
      hint: "Set the connector's baseUrl to the address of the API.",
    })
  }
  const search = [base.search.slice(1), fixedQuery ?? '', ...query].filter((part) => part !== '').join('&')
  return `${base.origin}${base.pathname.replace(/\/+$/, '')}${pathname}${search === '' ? '' : `?${search}`}`
}

/** A template's own characters that no address may have, such as spaces and line breaks; names in braces stay. */
const encodeLiteral = (template: string): string =>
  template
    .toWellFormed()
    .split(/(\{[^{}]+\})/)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(/[^\x21-\x7e]+|["<>\\^`|]/g, (odd) => encodeURIComponent(odd)),
    )
    .join('')

function pathValue(parameter: ActionParameter, value: Json | undefined): string {
  if (value === undefined || value === null) throw missing(parameter)
  const text = serializePath(parameter, value)
  if (text !== '' && text !== '.') return text
  throw invalidInput(`input.${parameter.inputKey} is empty, which would call another path.`, {
    where: `input.${parameter.inputKey}`,
    hint: 'Give the identifier of the thing that is meant.',
  })
}

function headerValue(parameter: ActionParameter, value: Json): string {
  const text = serializeHeader(parameter, value)
  if (isHeaderValue(text)) return text
  throw invalidInput(`input.${parameter.inputKey} holds characters that a header cannot carry.`, {
    where: `input.${parameter.inputKey}`,
    hint: 'Take out line breaks, control characters and characters outside Latin-1.',
  })
}

function missing(parameter: ActionParameter) {
  return invalidInput(`input.${parameter.inputKey} is required.`, {
    where: `input.${parameter.inputKey}`,
    hint: `It is the ${parameter.in} parameter '${parameter.name}'.`,
  })
}

/** An API cannot tell a body of no bytes from none, and this one says that it needs a body. */
function emptyBody({ slug }: ActionDefinition, { mode, inputKey = 'body' }: ActionBody) {
  const where = mode === 'whole' ? `input.${inputKey}` : 'input'
  return invalidInput(
    `The body would be empty, and the API's description says that '${slug}' requires one.`,
    {
      where,
      hint: `Give ${mode === 'whole' ? `${where} at least one byte` : 'at least one field'}; if this API does take an empty body, set body.required of the action to false in the connector.`,
    },
  )
}

function acceptHeader(contentType: string | undefined): string {
  if (contentType === undefined) return '*/*'
  return /json/.test(contentType) ? contentType : `${contentType}, */*;q=0.5`
}

/** What goes into the body; undefined for none. */
function bodyValue(action: ActionDefinition, input: JsonObject): Json | undefined {
  const { body } = action
  if (body === undefined) return undefined
  if (body.mode === 'whole') {
    const key = body.inputKey ?? 'body'
    return Object.hasOwn(input, key) ? input[key] : undefined
  }
  const elsewhere = new Set(action.parameters.map((parameter) => parameter.inputKey))
  const entries: [string, Json][] = []
  for (const [key, value] of Object.entries(input)) {
    if (elsewhere.has(key)) continue
    const renamed =
      body.properties !== undefined && Object.hasOwn(body.properties, key) ? body.properties[key] : undefined
    entries.push([renamed ?? key, value])
  }
  if (entries.length === 0 && !body.required) return undefined
  const value = Object.fromEntries(entries)
  checkAlternatives(body.alternatives ?? [], value, action.slug)
  return value
}

/** Inputs are plain objects, which cannot say that one of some fields is needed: so it is looked at here. */
function checkAlternatives(groups: string[][][], value: JsonObject, slug: string): void {
  for (const lists of groups) {
    if (lists.some((list) => list.every((name) => Object.hasOwn(value, name)))) continue
    throw invalidInput(`One of these is needed: ${lists.map((list) => list.join(' with ')).join(', or ')}.`, {
      where: 'input',
      hint: `Give one of them to '${slug}'.`,
    })
  }
}
