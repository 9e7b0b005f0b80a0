import { expect, test } from 'vitest'
import { cpuMs } from '../../tests/setup/cpu.ts'
import { workflowStack } from './failures.ts'

const places = { filename: 'f.js', columnOf: (_line: number, column: number) => column }

test('the workflow’s own frames are kept, and no others', () => {
  const stack = ['Error: x', '    at go (f.js:3:7)', '    at patchbay:guest:1:1', '    at f.js:9:2'].join(
    '\n',
  )
  expect(workflowStack('Error: x', stack, places)).toBe('Error: x\n    at go (f.js:3:7)\n    at f.js:9:2')
})

test('a stack written to be slow to read does not hold the sandbox process', () => {
  const stack = `at ${' ('.repeat(2_500)}${':1'.repeat(2_500)}x`
  const startedAt = cpuMs()
  expect(workflowStack('E', stack, places)).toBe('E')
  expect(cpuMs() - startedAt).toBeLessThan(200)
})
