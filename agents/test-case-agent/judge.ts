import { isDeepStrictEqual } from 'node:util'
import { isJsonObject } from '../../core/json.ts'
import type { TestCase } from '../../tools/agents/test-case.ts'

/** What is known of a run of a case. */
export interface CaseRun {
  status: string
  output: unknown
  /** Why it failed, or could not be started. */
  error: string | null
  calls: readonly { connector: string; action: string }[]
}

const MAX_SHOWN_CHARS = 200

/** Expected against actual, where they differ; nothing: the case passes. */
export function judge({ expect }: Pick<TestCase, 'expect'>, run: CaseRun): string[] {
  if (run.status !== expect.status)
    return [`ended as ${run.status}, not ${expect.status}${run.error === null ? '' : `: ${run.error}`}`]
  return [
    ...expect.output.flatMap((wanted) => outputProblem(wanted, valueAt(run.output, wanted.path))),
    ...expect.calls.flatMap(({ connector, action, times }) => {
      const made = run.calls.filter((call) => call.connector === connector && call.action === action).length
      return made === times ? [] : [`${connector}.${action} was called ${made} times, not ${times}`]
    }),
  ]
}

function outputProblem({ path, op, value }: TestCase['expect']['output'][number], actual: unknown): string[] {
  const where = path === '' ? 'the output' : path
  const holds = {
    equals: () => isDeepStrictEqual(actual, value),
    contains: () =>
      typeof actual === 'string'
        ? actual.includes(String(value))
        : Array.isArray(actual) && actual.some((item) => isDeepStrictEqual(item, value)),
    at_least: () => typeof actual === 'number' && typeof value === 'number' && actual >= value,
    exists: () => actual !== undefined && actual !== null,
    absent: () => actual === undefined || actual === null,
  }[op]
  if (holds()) return []
  const said = op === 'exists' || op === 'absent' ? op : `${op} ${JSON.stringify(value)}`
  return [`${where} is ${shown(actual)}; expected: ${said}`]
}

const shown = (value: unknown): string =>
  value === undefined ? 'not there' : (JSON.stringify(value) ?? '').slice(0, MAX_SHOWN_CHARS)

function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const part of path
    .replace(/^\$\.?/, '')
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.')
    .filter(Boolean)) {
    if (Array.isArray(at) && part === 'length') at = at.length
    else if (Array.isArray(at)) at = at[Number(part)]
    else if (isJsonObject(at) && Object.hasOwn(at, part)) at = at[part]
    else return undefined
  }
  return at
}
