import { sample } from 'openapi-sampler'

// biome-ignore lint/suspicious/noExplicitAny: a document of any version of three formats
type Node = Record<string, any>

const METHODS = ['get', 'post', 'put', 'patch', 'delete']
const MAX_DEPTH = 8
const FIELD_DEPTH = 4

/**
 * An API description as the page of a manual: prose, tables and examples in HTML, and nothing a machine reads. What a
 * reader needs for a request is in it: address, credentials, parameters, fields, an example of the answer.
 */
export function proseOf(document: Node, baseUrl: string): string {
  const operations = Object.entries(document.paths as Node).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) =>
      operationText(document, { path, method, operation: item[method], shared: item.parameters ?? [] }),
    ),
  )
  return `<!doctype html><html lang="en"><title>${text(document.info?.title)} API reference</title>
<main><h1>${text(document.info?.title)} API</h1>
<p>${text(document.info?.description)}</p>
<h2>Address</h2><p>All requests go to <code>${text(baseUrl)}</code>, followed by the path of the operation.</p>
<h2>Authentication</h2>${Object.values(schemesOf(document)).map(schemeText).join('\n')}
${operations.join('\n')}
</main></html>`
}

const schemesOf = (document: Node): Node =>
  document.components?.securitySchemes ?? document.securityDefinitions ?? {}

function schemeText(scheme: Node): string {
  if (scheme.type === 'apiKey')
    return `<p>Send your API key in the ${text(scheme.in)} parameter <code>${text(scheme.name)}</code>.</p>`
  if (scheme.type === 'basic' || String(scheme.scheme).toLowerCase() === 'basic')
    return '<p>Send user name and password by HTTP basic authentication.</p>'
  return '<p>Send your access token as <code>Authorization: Bearer YOUR_TOKEN</code>.</p>'
}

interface Described {
  path: string
  method: string
  operation: Node
  shared: Node[]
}

function operationText(document: Node, { path, method, operation, shared }: Described): string {
  const resolve = (node: Node) => resolved(document, node)
  const parameters = [...shared, ...(operation.parameters ?? [])].map(resolve)
  const body = resolve(operation.requestBody ?? {})
  const [type, content] = Object.entries<Node>(body.content ?? {})[0] ?? []
  const swaggerBody = parameters.find(({ in: place }) => place === 'body')
  const schema = resolve(content?.schema ?? swaggerBody?.schema ?? {})
  const fields = fieldsOf(schema, resolve).map(({ name, field, required }) =>
    row(name, 'body', { ...field, type: typeText(field, resolve) }, required),
  )
  const rows = parameters
    .filter(({ in: place }) => place !== 'body')
    .map((one) =>
      row(
        one.name,
        one.in,
        {
          type: typeText(resolve(one.schema ?? one), resolve),
          description: [one.description, severalText(one, resolve(one.schema ?? one))]
            .filter(Boolean)
            .join(' '),
        },
        one.required,
      ),
    )
  const example = exampleOf(document, operation)
  return `<h2>${text(operation.summary ?? operation.operationId ?? `${method} ${path}`)}</h2>
<p><code>${method.toUpperCase()} ${text(path)}</code></p><p>${text(operation.description)}</p>
<table><tr><th>Name<th>Where<th>Type<th>Required<th>Meaning</tr>${[...rows, ...fields].join('')}</table>
${content === undefined ? '' : `<p>The body is sent as <code>${text(type)}</code>.</p>`}
${example === undefined ? '' : `<h3>Example of an answer</h3><pre>${text(JSON.stringify(example, null, 2))}</pre>`}`
}

const row = (name: string, place: string, { type, description }: Node, required: unknown): string =>
  `<tr><td><code>${text(name)}</code><td>${text(place)}<td>${text(type)}<td>${required === true ? 'yes' : 'no'}<td>${text(description)}</tr>`

interface Field {
  name: string
  field: Node
  required: boolean
}

/** Fields and those within them: `lines`, `lines[].amount`. */
function fieldsOf(schema: Node, resolve: (node: Node) => Node, within = '', depth = 0): Field[] {
  const required = new Set<string>(schema.required ?? [])
  return Object.entries<Node>(schema.properties ?? {}).flatMap(([key, given]) => {
    const field = resolve(given)
    const name = `${within}${key}`
    const isList = field.type === 'array'
    const more =
      depth + 1 < FIELD_DEPTH
        ? fieldsOf(
            isList ? resolve(field.items ?? {}) : field,
            resolve,
            `${name}${isList ? '[]' : ''}.`,
            depth + 1,
          )
        : []
    return [{ name, field, required: required.has(key) }, ...more]
  })
}

/** As a manual has it: `array of string (date)`, `integer, at least 1, at most 100`, `string, one of a, b`. */
function typeText(schema: Node, resolve: (node: Node) => Node): string {
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any')
  if (type === 'array') return `array of ${typeText(resolve(schema.items ?? {}), resolve)}`
  return [
    `${type}${schema.format === undefined ? '' : ` (${schema.format})`}`,
    ...(schema.minimum === undefined ? [] : [`at least ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`at most ${schema.maximum}`]),
    ...(schema.enum === undefined ? [] : [`one of ${(schema.enum as unknown[]).join(', ')}`]),
  ].join(', ')
}

/** How a list goes into a query: OpenAPI's `explode`, Swagger's `collectionFormat`. */
function severalText({ in: place, explode, collectionFormat }: Node, { type }: Node): string {
  if (place !== 'query' || type !== 'array') return ''
  const isJoined = explode === false || (explode === undefined && collectionFormat === 'csv')
  return isJoined ? 'Several are joined by commas.' : 'Several are sent by repeating the parameter.'
}

function exampleOf(document: Node, operation: Node): unknown {
  const found = Object.entries<Node>(operation.responses ?? {}).find(([status]) =>
    status.startsWith('2'),
  )?.[1]
  const response = resolved(document, found ?? {})
  const schema = Object.values<Node>(response.content ?? {})[0]?.schema ?? response.schema
  return schema === undefined
    ? undefined
    : sample(schema, { quiet: true, skipWriteOnly: true, maxSampleDepth: MAX_DEPTH }, document)
}

function resolved(document: Node, node: Node): Node {
  if (typeof node.$ref !== 'string') return node
  const steps = node.$ref.slice(2).split('/')
  return resolved(
    document,
    steps.reduce<Node>((at, name) => at?.[name.replaceAll('~1', '/').replaceAll('~0', '~')] ?? {}, document),
  )
}

const text = (value: unknown): string =>
  String(value ?? '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
