import { expect, test } from 'vitest'
import type { ExecutionRow } from '../../db/executions.ts'
import type { SandboxResult } from '../sandbox/sandbox.ts'
import { concludeRun } from './outcome.ts'

const execution = { id: 'exec_1', attempt: 1, run: 1, lanes: [], tier: 'standard' } as unknown as ExecutionRow
const circumstances = { inline: false, handedBack: false, random: 0 }

const putAside = (answered: boolean, parked: number[]) => {
  const result: SandboxResult = {
    status: 'suspended',
    error: { kind: 'cancelled', name: 'Suspended', message: '', stack: '', retryable: false },
    answered,
    logs: [],
    stats: { durationMs: 1, cpuMs: 1, heapBytes: 1, bridgeCalls: 1 },
  }
  const run = { result, steps: [], parked, calls: 0, calledWorkflows: false }
  return concludeRun(execution, { retry: null, escalate_on_timeout: false }, run, circumstances)
}

test('a run put aside waits, unless it was answered meanwhile: then it goes on at once', () => {
  expect(putAside(false, [3])).toMatchObject({ status: 'waiting', resume: true, parked: [3] })
  expect(putAside(true, [3])).toMatchObject({ status: 'queued', resume: true, delay_ms: 0 })
  expect(putAside(false, [])).toMatchObject({ status: 'queued', resume: true, delay_ms: 0 })
})
