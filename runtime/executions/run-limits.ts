import { createHash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'
import type { Json } from '../../core/json.ts'
import type { Concurrency, StartRate } from '../../db/executions.ts'
import type { RunLimits } from '../../db/lanes.ts'
import { valueAt } from '../conditions/condition.ts'

const stable = configure({ deterministic: true, bigint: false })

/** What a version's limits mean for an execution with this input. */
export function runLimits(
  version: { concurrency: Concurrency | null; rate_limit: StartRate | null },
  input: Json,
): RunLimits {
  const { concurrency, rate_limit } = version
  return {
    concurrency: concurrency === null ? null : { ...concurrency, key: keyOf(concurrency.key ?? null, input) },
    starts: rate_limit,
  }
}

/** Inputs with the same value at the path count together; those without one among themselves. */
function keyOf(path: string | null, input: Json): string | null {
  if (path === null) return null
  const value = valueAt(input, path.replace(/^input\.?/, ''))
  return createHash('sha256')
    .update(value === undefined ? '' : (stable(value) ?? ''))
    .digest('base64url')
    .slice(0, 22)
}
