import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'

const OPS = ['equals', 'contains', 'at_least', 'exists', 'absent'] as const

const Expectation = z.strictObject({
  /** Into the output: `created`, `lines[0].sku`; '' is all of it. */
  path: z.string(),
  op: z.enum(OPS),
  value: z.unknown().optional(),
})

/** A case of a workflow: an input, and the end state it must lead to. */
export const Case = z.strictObject({
  id: z.string().min(1),
  group: z.string().default('cases'),
  scenario: z.string().default(''),
  mode: z.literal('live', { error: 'must be live: calls of apps cannot be mocked' }).default('live'),
  input: z.unknown().default({}),
  environment: z.string().default('dev'),
  customer: z.string().optional(),
  expect: z
    .strictObject({
      status: z.enum(['completed', 'failed']).default('completed'),
      output: z.array(Expectation).default([]),
      /** JSON Schema 2020-12 of the output. */
      schema: z.record(z.string(), z.unknown()).optional(),
    })
    .refine(
      ({ status, output, schema }) => status === 'failed' || output.length > 0 || schema !== undefined,
      {
        error: 'must say something of the output: that a run completes is no end state',
      },
    ),
})
export type Case = z.output<typeof Case>

const Cases = z.array(Case).min(1)

/** @throws Error naming what in the file is no case */
export function readCases(file: string): Case[] {
  const given = JSON.parse(readFileSync(file, 'utf8')) as unknown
  // A list, or what holds one under the name that agents give it.
  const result = Cases.safeParse(Array.isArray(given) ? given : Object(given).testCases)
  if (!result.success) throw new Error(`${file} holds no test cases: ${z.prettifyError(result.error)}`)
  const ids = result.data.map(({ id }) => id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new Error(`${file} has two cases with the id ${twice}.`)
  return result.data
}

/** What of an execution is not as its case expects. */
export function problemsOf(
  { expect }: Case,
  execution: { status: string; output?: unknown; error?: unknown },
): string[] {
  if (execution.status !== expect.status)
    return [
      `the run is ${execution.status}, expected ${expect.status}${execution.error ? `: ${JSON.stringify(execution.error).slice(0, 300)}` : ''}`,
    ]
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  const fits = expect.schema === undefined || ajv.validate(expect.schema, execution.output)
  return [
    ...expect.output.flatMap((one) => {
      const actual = at(execution.output, one.path)
      return holds(one, actual)
        ? []
        : [
            `${one.path || 'output'}: expected ${one.op} ${JSON.stringify(one.value) ?? ''}, is ${JSON.stringify(actual)?.slice(0, 200) ?? 'absent'}`,
          ]
    }),
    ...(fits ? [] : [`the output does not fit its schema: ${ajv.errorsText()}`]),
  ]
}

function holds({ op, value }: z.output<typeof Expectation>, actual: unknown): boolean {
  switch (op) {
    case 'equals':
      return isDeepStrictEqual(actual, value)
    case 'contains':
      return Array.isArray(actual)
        ? actual.some((item) => isDeepStrictEqual(item, value))
        : typeof actual === 'string' && actual.includes(String(value))
    case 'at_least':
      return typeof actual === 'number' && typeof value === 'number' && actual >= value
    case 'exists':
      return actual !== undefined && actual !== null
    case 'absent':
      return actual === undefined
  }
}

const at = (value: unknown, path: string): unknown =>
  path
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
    .reduce<unknown>(
      (found, step) => (found === null || found === undefined ? undefined : Object(found)[step]),
      value,
    )
