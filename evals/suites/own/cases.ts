import { isDeepStrictEqual } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { readGivenJson } from '../../../demo/program.ts'
import type { Doors } from '../../doors.ts'

const OPS = ['equals', 'contains', 'at_least', 'exists', 'absent'] as const

const Expectation = z.strictObject({
  /** Into the output: `created`, `lines[0].sku`; '' is all of it. */
  path: z.string(),
  op: z.enum(OPS),
  value: z.unknown().optional(),
})

const Call = z.strictObject({
  connector: z.string(),
  action: z.string(),
  /** How often it must have been called; 0: never. */
  times: z.int().min(0),
})

/** What an action answers in a mocked case; `answers` as set_action_mock takes them. */
const Mock = z.strictObject({
  connector: z.string(),
  action: z.string(),
  scenario: z.string().min(1),
  answers: z.array(z.record(z.string(), z.unknown())).min(1),
})

/**
 * A case of a workflow: an input, and the end state it must lead to. All that the agents write (`TestCase` of
 * tools/agents/test-case.ts) is one, and more: any id and group, an environment, a customer, a schema of the output.
 */
export const Case = z
  .strictObject({
    id: z.string().min(1),
    group: z.string().default('cases'),
    scenario: z.string().default(''),
    /** mock: no app is called, mocks answer. */
    mode: z.enum(['live', 'mock']).default('live'),
    input: z.unknown().default({}),
    headers: z.record(z.string(), z.string()).default({}),
    mocks: z.array(Mock).default([]),
    /** Scenarios that are set already, by "connector.action". */
    mockScenarios: z.record(z.string(), z.string()).default({}),
    environment: z.string().default('dev'),
    customer: z.string().optional(),
    expect: z
      .strictObject({
        status: z.enum(['completed', 'failed']).default('completed'),
        output: z.array(Expectation).default([]),
        calls: z.array(Call).default([]),
        /** JSON Schema 2020-12 of the output. */
        schema: z.record(z.string(), z.unknown()).optional(),
      })
      .refine(
        ({ status, output, calls, schema }) =>
          status === 'failed' || output.length > 0 || calls.length > 0 || schema !== undefined,
        {
          error:
            'must say something of the output, or of what is called: that a run completes is no end state',
        },
      ),
  })
  .refine(
    ({ mode, mocks, mockScenarios }) =>
      mode === 'mock' || (mocks.length === 0 && Object.keys(mockScenarios).length === 0),
    { error: 'has mocks, so its mode must be mock', path: ['mode'] },
  )
export type Case = z.output<typeof Case>

/** In a case: becomes what is new in each trial, and is the same in all cases of one. */
const RUN_TOKEN = '{{run}}'

/** The case as it is run: with `token` in place of each `{{run}}`. */
export const inTrial = (given: Case, token: string): Case =>
  JSON.parse(JSON.stringify(given).replaceAll(RUN_TOKEN, token)) as Case

const Cases = z.array(Case).min(1)

/** @throws Error naming what in the file is no case */
export function readCases(file: string): Case[] {
  const given = readGivenJson(file)
  // A list, or what holds one.
  const list = Array.isArray(given) ? given : Object(given).testCases
  if (Array.isArray(list) && list.length === 0)
    throw new Error(`${file} has no test case in it; docs/evals.md shows what one is.`)
  return casesOf(file, list)
}

/**
 * The cases that a run of an agent wrote and a person approved, for the customer and environment of that run.
 * @throws Error when it has written none
 */
export async function casesOfRun(doors: Doors, id: string): Promise<Case[]> {
  const { run } = await doors.call('get_agent_run', { run: id })
  const { environment, customer } = (run.input ?? {}) as { environment?: string; customer?: string | null }
  const about = {
    ...(environment == null ? {} : { environment }),
    ...(customer == null ? {} : { customer }),
  }
  const written = (run.output?.cases ?? []) as object[]
  if (written.length === 0)
    throw new Error(
      `The run ${id} (${run.agent}, ${run.status}) has no test cases: name one of build_workflow or write_test_cases that has ended.`,
    )
  return casesOf(
    id,
    written.map((one) => ({ ...one, ...about })),
  )
}

function casesOf(source: string, given: unknown): Case[] {
  const result = Cases.safeParse(given)
  if (!result.success)
    throw new Error(
      `${source} is no list of test cases, as docs/evals.md has them: ${z.prettifyError(result.error)}`,
    )
  const ids = result.data.map(({ id }) => id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new Error(`${source} has two cases with the id ${twice}.`)
  return result.data
}

export interface EndedRun {
  status: string
  output?: unknown
  error?: unknown
  /** Calls of actions, in their order. */
  calls: readonly { connector: string; action: string }[]
}

/** What of an execution is not as its case expects. Judges as the agents do (agents/test-case-agent/judge.ts). */
export function problemsOf({ expect }: Case, execution: EndedRun): string[] {
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
    ...expect.calls.flatMap(({ connector, action, times }) => {
      const made = execution.calls.filter((call) => call.connector === connector && call.action === action)
      return made.length === times
        ? []
        : [`${connector}.${action}: expected ${times} calls, were ${made.length}`]
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
      return actual === undefined || actual === null
  }
}

/** Into JSON by `created`, `lines[0].sku`, `lines.length`; a leading `$.` may be there. */
function at(value: unknown, path: string): unknown {
  const parts = path
    .replace(/^\$\.?/, '')
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
  let found = value
  for (const part of parts) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined
    found = (found as Record<string, unknown>)[part]
  }
  return found
}
