import { z } from 'zod'
import {
  ActionBody,
  ActionDefinition,
  ActionParameter,
  ErrorRule,
  Pagination,
} from '../../runtime/connectors/definition.ts'

const { shape } = ActionDefinition

/** A parameter as a person or an agent writes it: what OpenAPI has defaults for may be left out. */
const WrittenParameter = ActionParameter.partial({
  inputKey: true,
  required: true,
  style: true,
  explode: true,
})

const WrittenBody = ActionBody.partial({ contentType: true, mode: true, required: true })

/** The fields of an action that create_action and update_action share, described once. */
export const ActionFields = {
  name: z.string().trim().min(1).max(200).describe('Short title, e.g. "Create an invoice".'),
  description: z.string().max(10_000).describe('What it does and returns, for an agent that must choose.'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']).describe('HTTP method.'),
  path: z
    .string()
    .startsWith('/')
    .max(2000)
    .describe('Path appended to the base URL; {name} stands for a path parameter, e.g. /invoices/{id}.'),
  baseUrl: z.url({ protocol: /^https?$/ }).describe("Used instead of the connector's, for this action."),
  effect: shape.effect.describe(
    'read changes nothing; destructive removes something. Left out, the request tells: GET read, DELETE destructive, else write; destructive, too, where a header or parameter may replace the method (X-HTTP-Method-Override).',
  ),
  idempotent: z
    .boolean()
    .describe('Does calling it twice have the effect of calling it once? Left out, the method tells.'),
  parameters: z
    .array(WrittenParameter)
    .max(500)
    .describe(
      'Input values sent in the path, query, headers or cookies. Path parameters are always required.',
    ),
  body: WrittenBody.describe(
    'How the body is made. {} is a JSON object of every input key that is no parameter.',
  ),
  inputSchema: z
    .record(z.string(), z.unknown())
    .describe(
      'JSON Schema 2020-12 of the input: an object with a property for each parameter’s inputKey and each body field.',
    ),
  outputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of a successful response.'),
  tags: z.array(z.string()).max(50).describe('Groups to find it by.'),
  auth: z
    .array(z.string())
    .describe('Slugs of the auth methods it accepts; [] for a public call; left out: any of the connector.'),
  pagination: Pagination,
  idempotencyHeader: z
    .string()
    .min(1)
    .max(100)
    .describe(shape.idempotencyHeader.description ?? ''),
  errors: z
    .array(ErrorRule)
    .max(50)
    .describe(shape.errors.description ?? ''),
}

/** Parameters with OpenAPI's defaults filled in (OpenAPI 3.1, section 4.8.12). */
export function fullParameters(parameters: readonly z.infer<typeof WrittenParameter>[]): ActionParameter[] {
  return parameters.map((parameter) => {
    const style =
      parameter.style ?? (parameter.in === 'query' || parameter.in === 'cookie' ? 'form' : 'simple')
    return {
      ...parameter,
      inputKey: parameter.inputKey ?? parameter.name.replace(/[^A-Za-z0-9_.-]/g, '_'),
      required: parameter.in === 'path' || (parameter.required ?? false),
      style,
      explode: parameter.explode ?? style === 'form',
    }
  })
}

export const fullBody = (body: z.infer<typeof WrittenBody>): ActionBody => ({
  ...body,
  contentType: body.contentType ?? 'application/json',
  mode: body.mode ?? 'merge',
  required: body.required ?? false,
})
