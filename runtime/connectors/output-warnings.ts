import { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { ActionDefinition } from './action-definition.ts'
import { bundleSchema } from './bundle-schema.ts'
import type { ConnectorDefinition } from './definition.ts'
import { isSchemaObject } from './json-schema.ts'
import { type Compiled, check, compiledSchema, toIssues } from './validate-input.ts'

const MAX_CHECK_MS = 100
const MAX_WARNINGS = 5
/** What is further away than fits is not checked: the schemas of a whole API would take seconds to compile. */
const MAX_SCHEMA_BYTES = 128 * 1024

const byIdentity = new WeakMap<object, Compiled | { problem: string }>()

/**
 * How an answer differs from the action's output schema: at most five sentences with the place, such as
 * `output.items[0].id must be string`. Never throws: an answer is not lost over its description.
 */
export function outputWarnings(
  schemas: ConnectorDefinition['schemas'],
  action: Pick<ActionDefinition, 'slug' | 'outputSchema'>,
  output: Json,
): string[] {
  const { outputSchema } = action
  if (!isSchemaObject(outputSchema)) return []
  const compiled = validatorOf(schemas, action.slug, outputSchema)
  if ('problem' in compiled) return [compiled.problem]
  const fits = check(compiled, output, MAX_CHECK_MS)
  if (fits === true) return []
  if (fits === 'too long') return [`The output was not checked: it took more than ${MAX_CHECK_MS} ms.`]
  const issues = toIssues(compiled.validate.errors ?? [], {})
  const shown = issues.slice(0, MAX_WARNINGS).map(({ message }) => message.replace(/^input/, 'output'))
  return issues.length > MAX_WARNINGS ? [...shown, `and ${issues.length - MAX_WARNINGS} more`] : shown
}

function validatorOf(
  schemas: ConnectorDefinition['schemas'],
  slug: string,
  outputSchema: object,
): Compiled | { problem: string } {
  const known = byIdentity.get(outputSchema)
  if (known !== undefined) return known
  let made: Compiled | { problem: string }
  try {
    const { schema } = bundleSchema(schemas, outputSchema as Record<string, unknown>, {
      maxBytes: MAX_SCHEMA_BYTES,
    })
    made = compiledSchema(schema, `The output schema of '${slug}'`)
  } catch (error) {
    made = {
      problem: `The output was not checked: ${error instanceof AppError ? error.message : 'its schema cannot be used.'}`,
    }
  }
  byIdentity.set(outputSchema, made)
  return made
}
