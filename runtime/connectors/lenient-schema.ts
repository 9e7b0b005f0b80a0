import type { JsonSchema } from '../../core/json.ts'
import { isSchemaObject, mapSubschemas } from './json-schema.ts'
import { compileLinear } from './linear-pattern.ts'

/** Formats that are checked. Any other is a remark: what APIs mean by `uri` or `email` differs. */
export const CHECKED_FORMATS = ['date', 'date-time', 'uuid', 'ipv4', 'ipv6'] as const

/**
 * A schema as inputs are checked by it. Where a pattern cannot be run in linear time or a format is not checked, a
 * schema accepts more than it says. `oneOf` would then find two matches where one was meant, so it is checked
 * as `anyOf`; and `not` and `if` would turn that laxness into refusals of good input, so they are checked only
 * where what they say is checked exactly. `$async`, which is Ajv's own, would turn the answer into a promise,
 * and each refusal into a rejection nobody handles.
 */
export function lenient(schema: JsonSchema): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  const { oneOf, not: _not, if: _if, $async: _async, ...rest } = mapSubschemas(schema, lenient)
  if (schema.not !== undefined && isExact(schema.not)) rest.not = schema.not
  if (schema.if !== undefined && isExact(schema.if)) rest.if = schema.if
  if (isSchemaObject(rest.patternProperties))
    rest.patternProperties = withoutOddPatterns(rest.patternProperties)
  if (oneOf === undefined) return rest
  if (rest.anyOf === undefined) return { ...rest, anyOf: oneOf }
  return { ...rest, allOf: [...(Array.isArray(rest.allOf) ? rest.allOf : []), { anyOf: oneOf }] }
}

/** A pattern that is not run matches every name: what it says of values must not hold for all of them. */
const withoutOddPatterns = (byPattern: { [pattern: string]: unknown }) =>
  Object.fromEntries(
    Object.entries(byPattern).map(([pattern, child]) => [
      pattern,
      compileLinear(pattern) === undefined ? true : child,
    ]),
  )

const LAX_KEYWORDS = ['oneOf', '$ref', '$dynamicRef', '$recursiveRef', '$async', 'patternProperties'] as const

/** Is everything that the schema says checked to the letter? References are not followed: they count as lax. */
function isExact(schema: unknown): boolean {
  if (!isSchemaObject(schema)) return true
  if (LAX_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword))) return false
  const { format, pattern } = schema
  if (format !== undefined && !CHECKED_FORMATS.some((known) => known === format)) return false
  if (typeof pattern === 'string' && compileLinear(pattern) === undefined) return false
  let exact = true
  mapSubschemas(schema, (child) => {
    exact &&= isExact(child)
    return child
  })
  return exact
}
