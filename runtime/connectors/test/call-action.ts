import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../../../core/json.ts'
import type { Called } from './port.ts'
import type { Test } from './test-state.ts'

/** One call of the test, not sooner after the one before than its bounds say. */
export async function callAction(
  test: Test,
  slug: string,
  input: JsonObject,
  signal: AbortSignal = test.request.signal,
): Promise<Called> {
  const { gapMs } = test.request.bounds
  const ms = test.lastCallAt + gapMs - Date.now()
  if (ms > 0) await sleep(ms)
  test.calls += 1
  test.lastCallAt = Date.now()
  return test.port.call(slug, input, signal)
}
