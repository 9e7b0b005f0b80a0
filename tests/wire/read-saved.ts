import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { AuthMethod } from '../../runtime/connectors/auth-method.ts'
import type { ActionDefinition, ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { SavedRequest } from './saved-requests.ts'

/**
 * The input that stands for what a saved request says: the values it sends in the places the action has parameters
 * for, and its body. Undefined when its address is not of the action's template.
 */
export async function inputOfSaved(
  { baseUrl }: ConnectorDefinition,
  action: ActionDefinition,
  saved: SavedRequest,
): Promise<JsonObject | undefined> {
  const url = new URL(saved.url)
  const base = new URL(action.baseUrl ?? baseUrl)
  const names: string[] = []
  const template = `${base.pathname.replace(/\/+$/, '')}${action.path}`
    .split(/(\{[^{}]+\})/)
    .map((part) => {
      if (!part.startsWith('{')) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      names.push(part.slice(1, -1))
      return '([^/]*)'
    })
    .join('')
  const match = new RegExp(`^${template}$`).exec(decodeURI(url.pathname))
  if (match === null) return undefined
  const input: JsonObject = {}
  for (const parameter of action.parameters) {
    const key = parameter.inputKey
    if (parameter.in === 'path')
      input[key] = decodeURIComponent(match[names.indexOf(parameter.name) + 1] ?? '')
    else if (parameter.in === 'query') {
      const values = url.searchParams.getAll(parameter.name)
      if (values.length > 0) input[key] = values.length === 1 ? (values[0] ?? '') : values
    } else if (parameter.in === 'header') {
      const value = saved.headers[parameter.name.toLowerCase()]
      if (value !== undefined) input[key] = value
    }
  }
  return { ...input, ...(await bodyInput(action, saved)) }
}

async function bodyInput(
  { body }: ActionDefinition,
  { body: bytes, headers }: SavedRequest,
): Promise<JsonObject> {
  if (body === undefined || bytes.byteLength === 0) return {}
  const type = headers['content-type'] ?? ''
  const text = bytes.toString()
  const value = /[/+]json\b/.test(type)
    ? (JSON.parse(text) as Json)
    : /^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type)
      ? await formValue(new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }))
      : text
  if (body.mode === 'whole' || !isJsonObject(value)) return { [body.inputKey ?? 'body']: value }
  const keys = new Map(Object.entries(body.properties ?? {}).map(([key, name]) => [name, key]))
  const isJson = (name: string) => body.encoding?.[name]?.contentType?.includes('json') === true
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      keys.get(name) ?? name,
      isJson(name) && typeof item === 'string' ? (JSON.parse(item) as Json) : item,
    ]),
  )
}

async function formValue(form: Response): Promise<JsonObject> {
  const fields = await form.formData()
  const out: JsonObject = {}
  for (const name of new Set(fields.keys())) {
    const values = await Promise.all(
      fields.getAll(name).map(async (value): Promise<Json> => {
        if (typeof value === 'string') return value
        const base64 = Buffer.from(await value.arrayBuffer()).toString('base64')
        return { base64, filename: value.name, contentType: value.type }
      }),
    )
    out[name] = values.length === 1 ? (values[0] ?? null) : values
  }
  return out
}

/** The credentials that a saved request was sent with, for a method that says where they travel. */
export function credentialsOf(method: AuthMethod, saved: SavedRequest): Record<string, string> {
  const at = (place: string | undefined, name: string, prefix: string): string => {
    const value =
      place === 'query'
        ? (new URL(saved.url).searchParams.get(name) ?? '')
        : (saved.headers[name.toLowerCase()] ?? '')
    if (value === '') return 'not-sent-by-postman'
    // What the connector does not put before the credential is the customer's to type.
    return value.startsWith(prefix) ? value.slice(prefix.length) : value
  }
  const own = (fallback: string, prefix: string) =>
    at(method.in, method.parameterName ?? fallback, method.in === 'query' ? '' : (method.prefix ?? prefix))
  const extras = Object.fromEntries(
    (method.alsoSends ?? []).map(({ field, in: place, parameterName, prefix }) => [
      field,
      at(place, parameterName, prefix ?? ''),
    ]),
  )
  switch (method.type) {
    case 'api_key':
      return { apiKey: own('X-API-Key', ''), ...extras }
    case 'bearer_token':
      return { token: own('Authorization', 'Bearer '), ...extras }
    case 'oauth2':
      return { accessToken: own('Authorization', 'Bearer '), ...extras }
    case 'basic_auth': {
      const pair = Buffer.from(at('header', 'authorization', 'Basic '), 'base64').toString()
      const colon = pair.indexOf(':')
      return { username: pair.slice(0, colon), password: pair.slice(colon + 1), ...extras }
    }
    default:
      return extras
  }
}
