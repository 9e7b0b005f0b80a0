import { errorCodes } from '../../core/errors.ts'
import { version } from '../../core/version.ts'
import { type AnyTool, toolsets } from '../../tools/define-tool.ts'
import type { Registry } from '../../tools/registry.ts'
import { openApiPath, readsQuery, type ToolRoute, toolRoutes } from './routes.ts'
import { type Schema, toolSchema, typesOf } from './tool-schema.ts'

type Schemas = Record<string, Schema>

/**
 * The OpenAPI 3.1 description of the API: an operation for each tool, named as the tool.
 * @param serverUrl where the paths begin; may be relative to the document
 */
export function buildOpenApi(registry: Registry, serverUrl: string): Record<string, unknown> {
  const schemas: Schemas = { Problem: problemSchema }
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of toolRoutes(registry.all)) {
    const path = openApiPath(route.path)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) }
  }
  paths['/tools/{name}'] = { ...paths['/tools/{name}'], post: callByName }
  paths['/files/{file}/content'] = { get: downloadFile }
  const used = new Set(registry.all.map((tool) => tool.toolset))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Patchbay API',
      version,
      description:
        'Every tool of Patchbay over HTTP. The same tools are served over MCP at /mcp. Errors are problem documents (RFC 9457).',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl }],
    security: [{ bearer: [] }, { apiKeyHeader: [] }],
    tags: Object.entries({ ...toolsets, catalog: toolsets.catalog })
      .filter(([name]) => name === 'catalog' || used.has(name as AnyTool['toolset']))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas,
      parameters: { IdempotencyKey: idempotencyKey },
      headers: rateHeaders,
      responses: problemResponses,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, pk_live_… or pk_test_….' },
        apiKeyHeader: { type: 'apiKey', in: 'header', name: 'x-fastn-api-key', description: 'The same key.' },
      },
    },
  }
}

function operation(route: ToolRoute, schemas: Schemas): Record<string, unknown> {
  const { tool, method } = route
  const input = withoutDefs(toolSchema(tool, 'input'), `${tool.name}_input`, schemas)
  const output = withoutDefs(toolSchema(tool, 'output'), `${tool.name}_output`, schemas)
  schemas[`${tool.name}_output`] = output
  const fields = Object.entries(input.properties ?? {})
  const parameters = fields
    .filter(([name]) => route.params.includes(name) || readsQuery(method))
    .map(([name, schema]) => parameter(name, schema, route, input.required?.includes(name) ?? false))
  const body = fields.filter(([name]) => !route.params.includes(name))
  return {
    operationId: tool.name,
    summary: tool.title,
    description: tool.description,
    tags: [tool.toolset],
    ...(method === 'GET' && parameters.length === 0
      ? {}
      : { parameters: [...parameters, ...(method === 'GET' ? [] : [IDEMPOTENCY_KEY_REF])] }),
    ...(readsQuery(method) || body.length === 0 ? {} : { requestBody: requestBody(input, body) }),
    responses: responses(tool.successStatus ?? 200, tool.title, {
      $ref: `#/components/schemas/${tool.name}_output`,
    }),
    'x-permission': tool.permission,
    'x-effect': tool.effect,
  }
}

/** Objects and lists of objects go into a query as JSON; lists of plain values by repeating the parameter. */
function parameter(name: string, schema: Schema, route: ToolRoute, required: boolean) {
  const { description, ...rest } = schema
  const inPath = route.params.includes(name)
  const types = typesOf(rest)
  const asJson = types === undefined || types.has('object')
  return {
    name,
    in: inPath ? 'path' : 'query',
    required: inPath || required,
    ...(description === undefined ? {} : { description }),
    ...(asJson ? { content: { 'application/json': { schema: rest } } } : { schema: rest }),
  }
}

function requestBody(input: Schema, fields: [string, Schema][]) {
  const required = (input.required ?? []).filter((name) => fields.some(([field]) => field === name))
  return {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: {
          ...input,
          properties: Object.fromEntries(fields),
          required: required.length === 0 ? undefined : required,
        },
      },
    },
  }
}

function responses(status: number, description: string, schema: Schema) {
  return {
    [status]: { description, headers: rateHeaderRefs, content: { 'application/json': { schema } } },
    ...Object.fromEntries(
      Object.keys(problemResponses).map((name) => [
        name === 'Problem' ? 'default' : name.slice('Problem'.length),
        { $ref: `#/components/responses/${name}` },
      ]),
    ),
  }
}

/**
 * A schema whose `$defs` are moved into the document's components: references in OpenAPI start at the
 * document, not at the schema.
 */
function withoutDefs(schema: Schema, prefix: string, schemas: Schemas): Schema {
  const moved = JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => {
      if (key !== '$ref' || typeof value !== 'string') return value
      if (value === '#') return `#/components/schemas/${prefix}`
      return value.replace(/^#\/\$defs\//, `#/components/schemas/${prefix}_`)
    }),
  ) as Schema
  const { $defs, ...rest } = moved
  for (const [name, definition] of Object.entries(($defs as Schemas | undefined) ?? {})) {
    schemas[`${prefix}_${name}`] = definition
  }
  return rest
}

const IDEMPOTENCY_KEY_REF = { $ref: '#/components/parameters/IdempotencyKey' }

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes the call safe to repeat for 24 hours: a repeat with the same key and input gets the first answer, with `Idempotent-Replayed: true`.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const rateHeaders = {
  'X-RateLimit-Limit': { description: 'Calls per minute this key may make.', schema: { type: 'integer' } },
  'X-RateLimit-Remaining': { description: 'Calls left in this minute.', schema: { type: 'integer' } },
  'X-RateLimit-Reset': {
    description: 'Unix time in seconds at which the minute ends.',
    schema: { type: 'integer' },
  },
}
const rateHeaderRefs = Object.fromEntries(
  Object.keys(rateHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
)

const problemSchema: Schema = {
  type: 'object',
  description: 'RFC 9457 problem document.',
  properties: {
    type: { type: 'string', description: 'urn:patchbay:error:<code>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What was wrong.' },
    instance: { type: 'string', description: 'Names this answer; ends with its X-Request-Id.' },
    code: { type: 'string', enum: Object.keys(errorCodes) },
    where: { type: 'string', description: 'The field, header or place it is about.' },
    hint: { type: 'string', description: 'What to do next.' },
    retryable: { type: 'boolean', description: 'May the same request succeed later?' },
    retryAfterSeconds: { type: 'integer' },
    data: { type: 'object', description: 'Facts that help.' },
  },
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'retryable'],
}

const problem = (description: string, headers?: object) => ({
  description,
  ...(headers === undefined ? {} : { headers }),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const problemResponses: Record<string, object> = {
  Problem400: problem('The input is not valid.'),
  Problem401: problem('No valid API key.', {
    'WWW-Authenticate': { description: 'RFC 6750 challenge.', schema: { type: 'string' } },
  }),
  Problem403: problem('The key lacks the permission.', rateHeaderRefs),
  Problem429: problem('Too many calls.', {
    ...rateHeaderRefs,
    'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
  }),
  Problem: problem('Any other failure; `code` says which.', rateHeaderRefs),
}

const callByName = {
  operationId: 'call_by_name',
  summary: 'Call any tool',
  description:
    'Calls the tool of that name with the body as its whole input. Each tool also has a route of its own.',
  tags: ['catalog'],
  parameters: [
    { name: 'name', in: 'path', required: true, description: "The tool's name.", schema: { type: 'string' } },
    IDEMPOTENCY_KEY_REF,
  ],
  requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
  responses: responses(200, "The tool's output.", { type: 'object' }),
}

const downloadFile = {
  operationId: 'download_file',
  summary: 'Download a file',
  description: 'The whole content of a stored file, as an attachment.',
  tags: ['files'],
  parameters: [
    { name: 'file', in: 'path', required: true, description: 'Id of the file.', schema: { type: 'string' } },
  ],
  responses: {
    ...responses(200, 'The content.', { type: 'object' }),
    200: {
      description: 'The content.',
      content: { '*/*': { schema: { type: 'string', format: 'binary' } } },
    },
  },
}
