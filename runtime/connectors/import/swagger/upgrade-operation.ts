import type { ImportContext } from '../context.ts'
import type { FoundOperation } from '../find-operations.ts'
import { isNode, type Node, nodeAt, own, stringsAt, textAt } from '../nodes.ts'
import { collectParameters, referTo, type SwaggerParameter } from './collect-parameters.ts'
import { plainSchema, upgradeParameter } from './parameter-schema.ts'
import { schemesOf, serverUrl } from './swagger-document.ts'

const FORM = 'application/x-www-form-urlencoded'
const MULTIPART = 'multipart/form-data'

/**
 * A Swagger 2.0 operation as OpenAPI 3.0 has it: parameters with schemas and styles, body and form parameters
 * as a request body, responses with content. Schemas stay where the document has them.
 *
 * @throws AppError `invalid_input` for a parameter or response that cannot be resolved
 */
export function upgradeOperation(
  context: ImportContext,
  root: Node,
  found: FoundOperation,
): { found: FoundOperation; approximations: string[] } {
  const { operation, pathItem } = found
  if (!isNode(operation.node)) return { found, approximations: [] }
  const node = operation.node
  const approximations: string[] = []
  const parameters = collectParameters(context, pathItem, operation)
  const { consumes: _consumes, produces: _produces, schemes: _schemes, ...rest } = node
  const requestBody = upgradeBody(root, node, parameters, operation.file, approximations)
  const ownSchemes = schemesOf(node)
  const chosen = schemesOf(root)[0]
  const servers =
    ownSchemes.length > 0 && chosen !== undefined && !ownSchemes.includes(chosen)
      ? { servers: [{ url: serverUrl(context, root, ownSchemes) }] }
      : {}
  const upgraded: Node = {
    ...rest,
    ...servers,
    parameters: parameters
      .filter((parameter) => !isBodyPart(parameter))
      .map((parameter) => upgradeParameter(parameter, operation.file, approximations)),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: upgradeResponses(context, root, node, found),
  }
  return {
    found: {
      ...found,
      operation: { ...operation, node: upgraded },
      // Its parameters are in the operation now.
      pathItem: { ...pathItem, node: {} },
    },
    approximations,
  }
}

const isBodyPart = ({ node }: SwaggerParameter): boolean => ['body', 'formData'].includes(String(node.in))

function upgradeBody(
  root: Node,
  operation: Node,
  parameters: SwaggerParameter[],
  file: string,
  approximations: string[],
): Node | undefined {
  const consumes = mediaTypes(operation, root, 'consumes')
  const body = parameters.find(({ node }) => node.in === 'body')
  const fields = parameters.filter(({ node }) => node.in === 'formData')
  if (body !== undefined) {
    if (fields.length > 0) {
      approximations.push('it has both body and formData parameters; the body is sent')
    }
    const schema = referTo(body.place, own(body.node, 'schema'), file, 'schema')
    const types = consumes.length > 0 ? consumes : ['application/json']
    const description = textAt(body.node, 'description')
    return {
      ...(description === undefined ? {} : { description }),
      ...(own(body.node, 'required') === true ? { required: true } : {}),
      content: Object.fromEntries(types.map((type) => [type, schema === undefined ? {} : { schema }])),
    }
  }
  return fields.length === 0 ? undefined : formBody(fields, consumes, file, approximations)
}

function formBody(
  fields: SwaggerParameter[],
  consumes: string[],
  file: string,
  approximations: string[],
): Node {
  const hasFile = fields.some(({ node }) => node.type === 'file')
  const isMultipart = hasFile || (consumes.includes(MULTIPART) && !consumes.includes(FORM))
  const properties: Node = {}
  const encoding: Node = {}
  for (const field of fields) {
    const name = String(field.node.name)
    const { schema, style, explode } = plainSchema(field, file, approximations)
    const description = textAt(field.node, 'description')
    properties[name] = { ...(description === undefined ? {} : { description }), ...schema }
    if (schema.type === 'array' && !isMultipart) encoding[name] = { style, explode }
  }
  const required = fields.filter(({ node }) => node.required === true).map(({ node }) => String(node.name))
  return {
    ...(required.length > 0 ? { required: true } : {}),
    content: {
      [isMultipart ? MULTIPART : FORM]: {
        schema: { type: 'object', properties, ...(required.length > 0 ? { required } : {}) },
        ...(Object.keys(encoding).length > 0 ? { encoding } : {}),
      },
    },
  }
}

function upgradeResponses(context: ImportContext, root: Node, operation: Node, found: FoundOperation): Node {
  const produces = mediaTypes(operation, root, 'produces')
  const types = produces.length > 0 ? produces : ['application/json']
  const out: Node = {}
  for (const [status, declared] of Object.entries(nodeAt(operation, 'responses') ?? {})) {
    if (status.startsWith('x-')) continue
    const place = context.documents.follow({
      node: declared,
      file: found.operation.file,
      pointer: `${found.operation.pointer}/responses/${status}`,
    })
    if (!isNode(place.node)) continue
    const { schema: declaredSchema, headers, examples: _examples, ...rest } = place.node
    const schema = referTo(place, declaredSchema, found.operation.file, 'schema')
    out[status] = {
      ...rest,
      ...(isNode(headers) ? { headers } : {}),
      ...(schema === undefined
        ? {}
        : { content: Object.fromEntries(types.map((type) => [type, { schema }])) }),
    }
  }
  return out
}

/** `consumes` or `produces`: an operation's own list, also an empty one, replaces the document's. */
const mediaTypes = (operation: Node, root: Node, key: 'consumes' | 'produces'): string[] => [
  ...new Set(stringsAt(own(operation, key) === undefined ? root : operation, key)),
]
