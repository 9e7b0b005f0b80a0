import { Ajv2020 } from 'ajv/dist/2020.js'
import { LRUCache } from 'lru-cache'
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { RunnableVersionRow } from '../../db/executions.ts'

const KEPT_VALIDATORS = 500

type Validator = ReturnType<Ajv2020['compile']>
const validators = new LRUCache<string, Validator>({ max: KEPT_VALIDATORS })

function validatorOf(version: RunnableVersionRow, schema: object): Validator {
  const known = validators.get(version.workflow_version_id)
  if (known !== undefined) return known
  const validator = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(schema)
  validators.set(version.workflow_version_id, validator)
  return validator
}

/** @throws AppError `invalid_input` naming each field that breaks the workflow's input schema */
export function checkInput(version: RunnableVersionRow, input: Json): void {
  if (version.input_schema === null) return
  const validator = validatorOf(version, version.input_schema)
  if (validator(input)) return
  const issues = (validator.errors ?? []).map((error) => ({
    where: `input${error.instancePath.replaceAll('/', '.')}`,
    message: error.message ?? 'is not valid',
  }))
  const first = issues[0]
  throw invalidInput(
    `The workflow '${version.workflow_slug}' does not take this input: ${issues.map((issue) => `${issue.where} ${issue.message}`).join('; ')}`,
    {
      ...(first === undefined ? {} : { where: first.where }),
      hint: 'get_workflow shows the input schema.',
      data: { issues },
    },
  )
}
