import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { mapBody } from './bodies.ts'
import type { ImportContext } from './context.ts'
import type { Place } from './documents.ts'
import { buildInputKeys } from './input-keys.ts'
import { titleFromSlug } from './names.ts'
import { isNode, type Node, own, stringsAt, textAt } from './nodes.ts'
import { mapParameters } from './parameters.ts'
import { mapResponse, outputName } from './responses.ts'
import type { MappedSecurity } from './security.ts'
import type { MappedServers } from './servers.ts'
import { clip, plainText, sentence } from './text.ts'

/** An operation found in the document, before it is mapped. */
export interface FoundOperation {
  method: string
  path: string
  operationId: string | undefined
  /** The Path Item Object, references followed. */
  pathItem: Place
  operation: Place
}

const MAX_NAME_CHARS = 120
const MAX_DESCRIPTION_CHARS = 600
const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])
const IDEMPOTENT = new Set([...READS, 'PUT', 'DELETE'])

/**
 * One operation as an action, with what could only be approximated.
 * @throws AppError `invalid_input` when a part the call cannot do without is missing.
 */
export function mapOperation(
  context: ImportContext,
  found: FoundOperation,
  slug: string,
  security: MappedSecurity,
  servers: MappedServers,
): { action: ActionDefinition; approximations: string[] } {
  const node = found.operation.node as Node
  const method = found.method.toUpperCase()
  const path = normalizePath(found.path)
  const keys = buildInputKeys()
  const parameters = mapParameters(context, found.pathItem, found.operation, path, keys, security.authMethods)
  const body = mapBody(context, found.operation, keys)
  const response = mapResponse(context, found.operation)
  const { auth, approximations } = security.forOperation(node)
  const baseUrl =
    servers.ownServer(node) ??
    (isNode(found.pathItem.node) ? servers.ownServer(found.pathItem.node) : undefined)

  const properties = [...parameters.properties, ...(body?.properties ?? [])]
  const required = [...parameters.required, ...(body?.required ?? [])]
  const summary = plainText(textAt(node, 'summary'))
  const name = summary === '' ? titleFromSlug(slug) : clip(summary, MAX_NAME_CHARS)
  const tags = stringsAt(node, 'tags')
  const action: ActionDefinition = {
    slug,
    name,
    description: describe(
      name,
      plainText(textAt(node, 'description')),
      returns(response.outputSchema, response.description),
    ),
    method,
    path,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    effect: READS.has(method) ? 'read' : method === 'DELETE' ? 'destructive' : 'write',
    idempotent: IDEMPOTENT.has(method),
    parameters: parameters.parameters,
    ...(body === undefined ? {} : { body: body.body }),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(properties),
      required,
      additionalProperties: additional(body?.additional),
    },
    ...(response.outputSchema === undefined ? {} : { outputSchema: response.outputSchema }),
    tags,
    ...(own(node, 'deprecated') === true ? { deprecated: true } : {}),
    ...(auth === undefined ? {} : { auth }),
    source: {
      ...(found.operationId === undefined ? {} : { operationId: found.operationId }),
      pointer: `${found.operation.file === context.documents.root.file ? '' : found.operation.file}#${found.operation.pointer}`,
    },
    ...(response.contentType === undefined ? {} : { responseContentType: response.contentType }),
  }
  return {
    action,
    approximations: [...parameters.approximations, ...(body?.approximations ?? []), ...approximations],
  }
}

/** Unknown input is refused unless the API says it takes any: a misspelt field must not vanish in silence. */
const additional = (declared: JsonSchema | undefined): JsonSchema => declared ?? false

function normalizePath(path: string): string {
  const template = path.replace(/#.*$/, '').replace(/\{[+#./;]?([^{}+*?]+)[+*?]*\}/g, '{$1}')
  return template.startsWith('/') ? template : `/${template}`
}

function returns(schema: JsonSchema | undefined, description: string): string {
  const name = outputName(schema)
  const useful = /^(ok|success(ful)?( (response|operation|request))?|response|default( response)?)\.?$/i.test(
    description,
  )
    ? ''
    : description
  if (useful !== '') return `Returns: ${clip(useful, 160)}`
  return name === '' ? '' : `Returns ${name}.`
}

function describe(name: string, description: string, result: string): string {
  const start = description.toLowerCase().startsWith(name.toLowerCase()) ? '' : sentence(name)
  const rest = clip(description, Math.max(80, MAX_DESCRIPTION_CHARS - start.length - result.length - 2))
  return [start, sentence(rest), sentence(result)].filter((part) => part !== '').join(' ')
}
