import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { RunnableVersionRow } from '../../db/executions.ts'
import { cpuMs } from '../../tests/setup/cpu.ts'
import { checkInput } from './input.ts'

const version = (input_schema: JsonObject | null) =>
  ({
    workflow_version_id: newId('workflowVersion'),
    workflow_slug: 'sync',
    input_schema,
  }) as RunnableVersionRow

const failure = (schema: JsonObject, input: Json): AppError => {
  try {
    checkInput(version(schema), input)
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected a refusal')
}

test('an input that breaks the schema is refused with every field at fault; one that fits passes', () => {
  const schema = {
    type: 'object',
    properties: { id: { $ref: '#/$defs/id' }, tags: { type: 'array', items: { type: 'string' } } },
    required: ['id'],
    $defs: { id: { type: 'integer' } },
  }
  const error = failure(schema, { id: 'x', tags: [1] })
  expect(error).toMatchObject({ code: 'invalid_input', where: 'input.id' })
  expect(error.data?.issues).toEqual([
    { where: 'input.id', message: 'input.id must be integer' },
    { where: 'input.tags[0]', message: 'input.tags[0] must be string' },
  ])
  checkInput(version(schema), { id: 1, tags: ['a'] })
  checkInput(version(null), 'anything')
})

test('a version is checked by its own schema, also after others', () => {
  const one = version({ type: 'string' })
  checkInput(one, 'text')
  checkInput(version({ type: 'number' }), 1)
  expect(() => checkInput(one, 1)).toThrow('must be string')
})

test('a pattern that backtracks without end does not hold the process', () => {
  const startedAt = cpuMs()
  const one = version({ type: 'string', pattern: '^(a+)+$' })
  checkInput(one, 'a'.repeat(10_000))
  expect(() => checkInput(one, `${'a'.repeat(10_000)}!`)).toThrow('must match pattern')
  expect(cpuMs() - startedAt).toBeLessThan(2_000)
})

test('a field named toString may be left out when it is optional, and not when it is required', () => {
  const schema = { type: 'object', properties: { toString: { type: 'string' } } }
  checkInput(version(schema), {})
  expect(failure({ ...schema, required: ['toString'] }, {})).toMatchObject({
    code: 'invalid_input',
    where: 'input.toString',
  })
})
