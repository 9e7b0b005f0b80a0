import { z } from 'zod'
import { ErrorRule } from './error-rule.ts'
import { JsonSchemaValue } from './json-schema.ts'

const Style = z.enum(['simple', 'label', 'matrix', 'form', 'spaceDelimited', 'pipeDelimited', 'deepObject'])

/** One value of the input that travels in the path, query, headers or cookies. */
export const ActionParameter = z
  .object({
    name: z.string().describe('Name in the HTTP request.'),
    in: z.enum(['path', 'query', 'header', 'cookie']).describe('Where the value is sent.'),
    inputKey: z
      .string()
      .describe(
        'Key in the input. The name, with characters outside A-Za-z0-9_.- replaced by _. When two values want the same key, precedence is path, query, header, cookie, body; the later one is prefixed with its place: query_id, body_id.',
      ),
    required: z.boolean().describe('Must the input have it?'),
    style: Style.describe('OpenAPI parameter style.'),
    explode: z.boolean().describe('OpenAPI explode: one pair per element or property.'),
    allowReserved: z.boolean().optional().describe('Send reserved characters as they are.'),
    contentType: z
      .string()
      .optional()
      .describe('Set when the value is sent serialized (JSON), not by style.'),
  })
  .describe('One value of the input that travels in the path, query, headers or cookies.')
export type ActionParameter = z.infer<typeof ActionParameter>

const Encoding = z
  .object({
    contentType: z.string().optional().describe('Content type of the part, or of the serialized value.'),
    style: Style.optional().describe('OpenAPI style of a form field.'),
    explode: z.boolean().optional().describe('OpenAPI explode of a form field.'),
    allowReserved: z.boolean().optional().describe('Send reserved characters as they are.'),
    brackets: z
      .boolean()
      .optional()
      .describe('Multipart only: items of a list are sent as name[], members of an object as name[key].'),
  })
  .describe('How one property is put into a form or multipart body.')
export type Encoding = z.infer<typeof Encoding>

/** How the request body is made from the input. */
export const ActionBody = z
  .object({
    contentType: z.string().describe('Content type of the request body.'),
    mode: z
      .enum(['merge', 'whole'])
      .describe(
        'merge: every input key that is not a parameter is a property of the body. whole: the body is the value under inputKey.',
      ),
    inputKey: z.string().optional().describe('whole only: the input key that holds the body. Default body.'),
    properties: z
      .record(z.string(), z.string())
      .optional()
      .describe('merge only: input keys whose body property has another name, with that name.'),
    required: z.boolean().describe('Is a request without a body wrong?'),
    alternatives: z
      .array(z.array(z.array(z.string()).min(1)))
      .optional()
      .describe(
        'merge only: groups of lists of body properties; of each group, all properties of one list must be there.',
      ),
    xml: z
      .object({
        name: z.string().describe('Its name, without a prefix.'),
        namespace: z.string().optional().describe('URI of its namespace.'),
        prefix: z.string().optional().describe('Prefix of its name, for the namespace.'),
      })
      .optional()
      .describe(
        'XML only: the outermost element. The body is then built from the input by its schema, whose xml keywords are those of OpenAPI; without it, an XML body is given as text.',
      ),
    encoding: z
      .record(z.string(), Encoding)
      .optional()
      .describe('Form and multipart only: how a property is encoded, where it differs from the default.'),
  })
  .describe('How the request body is made from the input.')
export type ActionBody = z.infer<typeof ActionBody>

/** How the pages of a list follow each other. `parameter` and the like are keys of the action's input. */
export const Pagination = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('page'),
      parameter: z.string().describe('Input key of the page number.'),
      sizeParameter: z.string().optional().describe('Input key of the page size.'),
      firstPage: z.number().int().optional().describe('Number of the first page. Default 1.'),
      items: z.string().describe("Dot path to the list in the response; '' for the response itself."),
      hasMore: z
        .string()
        .optional()
        .describe('Dot path to a boolean; without it, an empty or short page ends.'),
    }),
    z.object({
      type: z.literal('offset'),
      parameter: z.string().describe('Input key of the offset.'),
      sizeParameter: z.string().optional().describe('Input key of the page size.'),
      items: z.string().describe("Dot path to the list in the response; '' for the response itself."),
      hasMore: z
        .string()
        .optional()
        .describe('Dot path to a boolean; without it, an empty or short page ends.'),
    }),
    z.object({
      type: z.literal('cursor'),
      parameter: z.string().describe('Input key the cursor is sent in: a parameter or a part of the body.'),
      sizeParameter: z.string().optional().describe('Input key of the page size.'),
      next: z
        .string()
        .describe("Dot path to the next cursor; 'data.-1.id' is the id of the last item of data."),
      items: z.string().describe("Dot path to the list in the response; '' for the response itself."),
      hasMore: z.string().optional().describe('Dot path to a boolean; without it, a missing cursor ends.'),
    }),
    z.object({
      type: z.literal('link'),
      sizeParameter: z.string().optional().describe('Input key of the page size.'),
      next: z
        .string()
        .optional()
        .describe(
          'Dot path to the address of the next page; absent: the Link header, rel="next" (RFC 8288).',
        ),
      items: z.string().describe("Dot path to the list in the response; '' for the response itself."),
    }),
  ])
  .describe('How the pages of a list follow each other.')
export type Pagination = z.infer<typeof Pagination>

/** One call of an API, as data: what an agent reads to choose it and what the runtime needs to make it. */
export const ActionDefinition = z
  .object({
    slug: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .max(64)
      .describe('snake_case name, unique within the connector and stable across imports.'),
    name: z.string().min(1).describe('Short title.'),
    description: z.string().describe('What it does and what it returns, for an agent that must choose.'),
    method: z
      .string()
      .regex(/^[A-Z]+$/)
      .describe('HTTP method.'),
    path: z
      .string()
      .startsWith('/')
      .describe('Path template appended to the base URL; {name} stands for a path parameter.'),
    baseUrl: z.string().optional().describe("Absolute URL used instead of the connector's, for this action."),
    effect: z
      .enum(['read', 'write', 'destructive'])
      .describe('read changes nothing; destructive removes something.'),
    idempotent: z.boolean().describe('Does calling it twice have the effect of calling it once?'),
    parameters: z.array(ActionParameter).describe('Input values sent outside the body.'),
    body: ActionBody.optional().describe('How the body is made; absent when there is none.'),
    inputSchema: z
      .record(z.string(), z.unknown())
      .describe('JSON Schema 2020-12 of the flat input: an object; references only to #/schemas/<name>.'),
    outputSchema: JsonSchemaValue.optional().describe('JSON Schema 2020-12 of a successful response.'),
    tags: z.array(z.string()).describe('Groups the API puts the operation in.'),
    deprecated: z.boolean().optional().describe('Does the API advise against it?'),
    auth: z
      .array(z.string())
      .optional()
      .describe(
        'Slugs of the auth methods it accepts; empty for a public call; absent: any of the connector.',
      ),
    source: z
      .object({
        operationId: z.string().optional().describe('operationId in the imported document.'),
        pointer: z.string().describe('JSON pointer to the operation in the imported document.'),
      })
      .optional()
      .describe('Where it was imported from.'),
    pagination: Pagination.optional().describe(
      'How its pages follow each other, when it returns a list in pages.',
    ),
    idempotencyHeader: z
      .string()
      .optional()
      .describe('Header the API takes an idempotency key in; with one, a write may be retried.'),
    errors: z
      .array(ErrorRule)
      .optional()
      .describe("Answers that mean failure although the status says otherwise; before the connector's own."),
    responseContentType: z.string().optional().describe('Content type asked for in Accept.'),
  })
  .describe('One call of an API.')
export type ActionDefinition = z.infer<typeof ActionDefinition>
