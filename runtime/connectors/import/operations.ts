import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { effectOf, isIdempotent } from '../effect.ts'
import { mapBody } from './bodies.ts'
import type { ImportContext } from './context.ts'
import { describeOperation, spaced } from './describe-operation.ts'
import type { FoundOperation } from './find-operations.ts'
import { buildInputKeys } from './input-keys.ts'
import { titleFromSlug } from './names.ts'
import { isNode, type Node, own, stringsAt, textAt } from './nodes.ts'
import { ownCredential } from './own-credential.ts'
import { mapParameters } from './parameters.ts'
import { mapResponse } from './responses.ts'
import type { MappedSecurity } from './security.ts'
import type { MappedServers } from './servers.ts'
import { clip, plainText } from './text.ts'

export interface MappedOperation {
  action: ActionDefinition
  /** Do its responses describe a Link header? */
  hasLinkHeader: boolean
  approximations: string[]
}

const MAX_NAME_CHARS = 120

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
): MappedOperation {
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

  const credential = ownCredential(
    [...parameters.properties, ...(body?.properties ?? [])],
    security.authMethods,
  )
  const properties = credential.properties
  const required = [...parameters.required, ...(body?.required ?? [])].filter((key) => key !== credential.key)
  const summary = plainText(textAt(node, 'summary'))
  const name = summary === '' ? titleFromSlug(slug) : clip(spaced(summary), MAX_NAME_CHARS)
  const tags = stringsAt(node, 'tags')
  const action: ActionDefinition = {
    slug,
    name,
    description: describeOperation({
      method,
      path,
      summary,
      madeTitle: found.operationId === undefined ? '' : titleFromSlug(slug),
      description: plainText(textAt(node, 'description')),
      tags,
      outputSchema: response.outputSchema,
      responseDescription: response.description,
    }),
    method,
    path,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    effect: effectOf({ method, path, parameters: parameters.parameters }),
    idempotent: isIdempotent(method),
    parameters: parameters.parameters.map((parameter) =>
      parameter.inputKey === credential.key ? { ...parameter, required: false } : parameter,
    ),
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
    hasLinkHeader: response.hasLinkHeader,
    approximations: [
      ...parameters.approximations,
      ...(body?.approximations ?? []),
      ...credential.approximations,
      ...approximations,
    ],
  }
}

/** Unknown input is refused unless the API says it takes any: a misspelt field must not vanish in silence. */
const additional = (declared: JsonSchema | undefined): JsonSchema => declared ?? false

function normalizePath(path: string): string {
  const template = path.replace(/#.*$/, '').replace(/\{[+#./;]?([^{}+*?]+)[+*?]*\}/g, '{$1}')
  return template.startsWith('/') ? template : `/${template}`
}
