import { LRUCache } from 'lru-cache'
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { RunnableVersionRow } from '../../db/executions.ts'
import { inputIssues } from '../connectors/validate-input.ts'

const KEPT_SCHEMAS = 500

type Schema = NonNullable<RunnableVersionRow['input_schema']>

/** One object for each version, by which its compiled form is found again. */
const schemas = new LRUCache<string, Schema>({ max: KEPT_SCHEMAS })

function schemaOf(version: RunnableVersionRow, read: Schema): Schema {
  const known = schemas.get(version.workflow_version_id) ?? read
  schemas.set(version.workflow_version_id, known)
  return known
}

/**
 * Checked as actions' inputs are: what only a `format` or a pattern that needs backtracking would refuse is let through.
 * @throws AppError `invalid_input` naming each field that breaks the workflow's input schema
 */
export function checkInput(version: RunnableVersionRow, input: Json): void {
  if (version.input_schema === null) return
  const inputSchema = schemaOf(version, version.input_schema)
  const issues = inputIssues({}, { slug: version.workflow_slug, inputSchema }, input)
  const [first] = issues
  if (first === undefined) return
  throw invalidInput(
    `The workflow '${version.workflow_slug}' does not take this input: ${issues.map(({ message }) => message).join('; ')}`,
    {
      where: first.where,
      hint: 'get_workflow shows the input schema.',
      data: { issues },
    },
  )
}
