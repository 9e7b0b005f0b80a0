import { AppError } from '../../../core/errors.ts'
import type { JsonSchema } from '../../../core/json.ts'
import type { ActionParameter } from '../action-definition.ts'
import type { AuthMethod } from '../auth-method.ts'
import { isSchemaObject } from '../json-schema.ts'
import { CONNECTION_HEADERS, isHeaderName } from '../request-headers.ts'
import type { ImportContext } from './context.ts'
import { type Place, showPlace } from './documents.ts'
import type { InputKeys } from './input-keys.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'

export interface MappedParameters {
  parameters: ActionParameter[]
  properties: [key: string, schema: JsonSchema][]
  required: string[]
  approximations: string[]
}

interface RawParameter {
  node: Node
  place: Place
  name: string
  in: ActionParameter['in']
}

const LOCATIONS = ['path', 'query', 'header', 'cookie'] as const
/** OpenAPI says to ignore these; the runtime sets them from the body, the response and the connection. */
const OWN_HEADERS = new Set(['accept', 'content-type', 'authorization', ...CONNECTION_HEADERS])
const MAX_DESCRIPTION_CHARS = 400

/**
 * Parameters of an operation: those of the path item, overridden by its own. Keys are asked for in the
 * documented order: path, query, header, cookie.
 *
 * @throws AppError `invalid_input` when a parameter that the path needs cannot be resolved.
 */
export function mapParameters(
  context: ImportContext,
  pathItem: Place,
  operation: Place,
  path: string,
  keys: InputKeys,
  authMethods: AuthMethod[],
): MappedParameters {
  const raw = collect(context, pathItem, operation)
  const mapped: MappedParameters = { parameters: [], properties: [], required: [], approximations: [] }
  const inPath = new Set([...path.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] ?? ''))
  const declared = new Set(
    raw.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name),
  )
  for (const name of inPath) {
    if (declared.has(name)) continue
    mapped.approximations.push(`path parameter '${name}' is not described; taken as text`)
    raw.unshift({ node: { schema: { type: 'string' } }, place: operation, name, in: 'path' })
  }
  for (const location of LOCATIONS) {
    for (const parameter of raw.filter((candidate) => candidate.in === location)) {
      if (location === 'path' && !inPath.has(parameter.name)) {
        mapped.approximations.push(`path parameter '${parameter.name}' does not occur in the path; left out`)
      } else if (location === 'header' && OWN_HEADERS.has(parameter.name.toLowerCase())) {
        mapped.approximations.push(`header '${parameter.name}' is set by the runtime; left out of the input`)
      } else if (location === 'header' && !isHeaderName(parameter.name)) {
        mapped.approximations.push(`'${parameter.name}' cannot be the name of a header; left out`)
      } else if (isCredential(parameter, authMethods)) {
        mapped.approximations.push(`'${parameter.name}' comes from the connection; left out of the input`)
      } else addParameter(context, parameter, keys, mapped)
    }
  }
  return mapped
}

function collect(context: ImportContext, pathItem: Place, operation: Place): RawParameter[] {
  const found = new Map<string, RawParameter>()
  for (const owner of [pathItem, operation]) {
    const list = isNode(owner.node) ? listAt(owner.node, 'parameters') : []
    for (const [index, item] of list.entries()) {
      const at = { node: item, file: owner.file, pointer: pointer(owner.pointer, 'parameters', index) }
      const parameter = read(context, at)
      if (parameter !== undefined) found.set(`${parameter.in} ${parameter.name}`, parameter)
    }
  }
  return [...found.values()]
}

function read(context: ImportContext, at: Place): RawParameter | undefined {
  const place = context.documents.follow(at)
  if (!isNode(place.node)) return undefined
  const name = textAt(place.node, 'name')
  const location = LOCATIONS.find((candidate) => candidate === textAt(place.node as Node, 'in'))
  if (name === undefined || location === undefined) {
    throw new AppError(
      'invalid_input',
      `the parameter at ${showPlace(context.documents, place)} has no usable name or place`,
    )
  }
  return { node: place.node, place, name, in: location }
}

/** Does an auth method send this, as its key or as a further one? */
function isCredential(parameter: RawParameter, authMethods: AuthMethod[]): boolean {
  const isThis = (place: string, name: string | undefined) =>
    place === parameter.in && name?.toLowerCase() === parameter.name.toLowerCase()
  return authMethods.some(
    (method) =>
      (method.type === 'api_key' && isThis(method.in ?? 'header', method.parameterName)) ||
      method.alsoSends?.some((extra) => isThis(extra.in, extra.parameterName)),
  )
}

function addParameter(
  context: ImportContext,
  parameter: RawParameter,
  keys: InputKeys,
  mapped: MappedParameters,
): void {
  const { node, place } = parameter
  const inputKey = keys(parameter.name, parameter.in)
  const [contentType, media] = Object.entries(nodeAt(node, 'content') ?? {})[0] ?? []
  const schemaPlace: Place =
    contentType === undefined
      ? { ...place, node: own(node, 'schema'), pointer: pointer(place.pointer, 'schema') }
      : {
          ...place,
          node: isNode(media) ? own(media, 'schema') : undefined,
          pointer: pointer(place.pointer, 'content', contentType, 'schema'),
        }
  const required = parameter.in === 'path' || own(node, 'required') === true
  const style = styleOf(node, parameter.in)
  const explode = own(node, 'explode')
  mapped.parameters.push({
    name: parameter.name,
    in: parameter.in,
    inputKey,
    required,
    style,
    explode: typeof explode === 'boolean' ? explode : style === 'form' || style === 'deepObject',
    ...(own(node, 'allowReserved') === true ? { allowReserved: true } : {}),
    ...(contentType === undefined ? {} : { contentType }),
  })
  mapped.properties.push([inputKey, describe(context.schemas.convert(schemaPlace), node)])
  if (required) mapped.required.push(inputKey)
}

const STYLES = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form'],
} as const

function styleOf(node: Node, location: ActionParameter['in']): ActionParameter['style'] {
  const allowed: readonly ActionParameter['style'][] = STYLES[location]
  const fallback = STYLES[location][0]
  return allowed.find((style) => style === textAt(node, 'style')) ?? fallback
}

/** The parameter's own description is about this use, so it comes before the schema's. */
function describe(schema: JsonSchema, node: Node): JsonSchema {
  const description = clip(plainText(textAt(node, 'description')), MAX_DESCRIPTION_CHARS)
  const deprecated = own(node, 'deprecated') === true ? { deprecated: true } : {}
  const base = isSchemaObject(schema) ? schema : {}
  if (description === '')
    return schema === true || isSchemaObject(schema) ? { ...base, ...deprecated } : schema
  return { ...base, description, ...deprecated }
}
