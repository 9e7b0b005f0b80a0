import type { AppDefinition, Resource } from './definition.ts'

const id = { type: 'string', description: 'Given by the app.' }
const content = (schema: object) => ({ content: { 'application/json': { schema } } })
const named = (name: string): string => name.replace(/^./, (letter) => letter.toUpperCase())
const refOf = ({ one }: Resource) => ({ $ref: `#/components/schemas/${named(one)}` })

/** What a request for a new one, or a change, may hold. */
export const bodySchema = (
  { fields, required, can, defaults }: Resource,
  kind: 'create' | 'update',
): object => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      kind === 'create' && defaults !== undefined && name in defaults
        ? { ...field, default: defaults[name] }
        : field,
    ]),
  ),
  ...(kind === 'create' && can.includes('create') && required !== undefined ? { required } : {}),
  ...(kind === 'update' ? { minProperties: 1 } : {}),
})

/** The OpenAPI document of an app. */
export const describe = (app: AppDefinition, url: string): object => ({
  openapi: '3.1.0',
  info: { title: app.name, version: '1.0.0', description: app.about },
  servers: [{ url }],
  security: [{ token: [] }],
  paths: Object.assign({}, ...app.resources.map(pathsOf)),
  components: {
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    schemas: Object.fromEntries(
      app.resources.map((resource) => [
        named(resource.one),
        { type: 'object', required: ['id'], properties: { id, ...resource.fields } },
      ]),
    ),
  },
})

function pathsOf(resource: Resource): object {
  const { name, one, can, filters = [], pageSize } = resource
  const operation = (verb: string, summary: string, rest: object) => ({
    operationId: `${verb}_${verb === 'list' ? name : one}`,
    summary,
    ...rest,
  })
  const answered = { 200: { description: 'It.', ...content(refOf(resource)) } }
  const query = (key: string, description: string) => ({
    ...{ name: key, in: 'query', required: false, description, schema: { type: 'string' } },
  })
  const cursor =
    pageSize === undefined ? [] : [query('cursor', 'Where the next page begins: next_cursor of the last.')]
  const page = {
    type: 'object',
    required: [name],
    properties: {
      [name]: { type: 'array', items: refOf(resource) },
      ...(pageSize === undefined
        ? {}
        : { next_cursor: { type: ['string', 'null'], description: 'null: there is no further page.' } }),
    },
  }
  const inPath = {
    name: 'id',
    in: 'path',
    required: true,
    description: `Id of the ${one}.`,
    schema: { type: 'string' },
  }
  return {
    [`/${name}`]: {
      ...(can.includes('list')
        ? {
            get: operation('list', `List ${name}${filters.length > 0 ? `, by ${filters.join(', ')}` : ''}`, {
              parameters: [
                ...filters.map((key) => query(key, `Only those with exactly this ${key}.`)),
                ...cursor,
              ],
              responses: {
                200: {
                  description: pageSize === undefined ? 'All of them.' : `${pageSize} at a time.`,
                  ...content(page),
                },
              },
            }),
          }
        : {}),
      ...(can.includes('create')
        ? {
            post: operation('create', `Create a ${one}`, {
              requestBody: { required: true, ...content(bodySchema(resource, 'create')) },
              responses: { 201: { description: 'It.', ...content(refOf(resource)) } },
            }),
          }
        : {}),
    },
    [`/${name}/{id}`]: {
      ...(can.includes('get')
        ? { get: operation('get', `Get a ${one} by its id`, { parameters: [inPath], responses: answered }) }
        : {}),
      ...(can.includes('update')
        ? {
            patch: operation('update', `Change fields of a ${one}`, {
              parameters: [inPath],
              requestBody: { required: true, ...content(bodySchema(resource, 'update')) },
              responses: answered,
            }),
          }
        : {}),
    },
  }
}
