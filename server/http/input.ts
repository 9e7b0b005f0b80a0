import type { Request } from 'express'
import { invalidInput } from '../../core/errors.ts'
import { readJsonObject } from './body.ts'
import { fromText, fromTexts } from './coerce.ts'
import { readsQuery, type ToolRoute } from './routes.ts'
import type { Schema } from './tool-schema.ts'

/**
 * A tool's input out of a request: the path's fields, and those of the query (GET, DELETE) or of the JSON
 * body. Texts are read by the input's schema; the tool checks the outcome.
 * @throws AppError `invalid_input` when the body is no JSON object, a field stands in two places with two values,
 *   or a query is sent where the body is read
 */
export async function readInput(
  req: Request,
  route: ToolRoute,
  schema: Schema,
): Promise<Record<string, unknown>> {
  const fieldSchema = (name: string): Schema => schema.properties?.[name] ?? {}
  const fromPath = Object.fromEntries(
    route.params.map((name) => [name, fromText(String(req.params[name] ?? ''), fieldSchema(name))]),
  )
  const rest = readsQuery(route.method)
    ? Object.fromEntries(
        Object.entries(req.query).map(([name, value]) => [
          name,
          fromTexts([value].flat().map(String), fieldSchema(name)),
        ]),
      )
    : await readBody(req)
  for (const name of route.params) {
    if (name in rest && JSON.stringify(rest[name]) !== JSON.stringify(fromPath[name])) {
      throw invalidInput(`'${name}' is given twice, with different values.`, {
        where: name,
        hint: `It belongs in the path, ${route.path}; leave it out elsewhere.`,
      })
    }
  }
  return { ...rest, ...fromPath }
}

/** The JSON object of a request whose fields all come in its body. */
export async function readBody(req: Request): Promise<Record<string, unknown>> {
  const parameter = Object.keys(req.query)[0]
  if (parameter === undefined) return readJsonObject(req)
  throw invalidInput(`${req.method} ${req.path} reads no query parameters.`, {
    where: parameter,
    hint: 'Send the fields as a JSON object in the body.',
  })
}
