import { expect, test } from 'vitest'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { importSpec } from './index.ts'

test('200,000 operations are read in bounded time: those over the limit are listed', async () => {
  const paths = Array.from({ length: 200_000 }, (_, index) => `"/p${index}":{"get":{"operationId":"same"}}`)
  const startedAt = cpuMs()
  const { report } = await importSpec(
    { text: `{"openapi":"3.0.0","info":{"title":"T"},"paths":{${paths.join(',')}}}` },
    { limits: { maxOperations: 100 } },
  )
  expect(cpuMs() - startedAt).toBeLessThan(15_000)
  expect(report.operations).toBe(200_000)
  expect(report.imported).toBe(100)
  expect(report.skipped).toHaveLength(199_900)
}, 30_000)
