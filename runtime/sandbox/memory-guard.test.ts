import { expect, test } from 'vitest'
import type { Execution } from './execution.ts'
import { buildMemoryGuard } from './memory-guard.ts'

const MB = 1024 * 1024

function guarded(states: { running: boolean; memoryMb?: number }[]) {
  const ended: number[] = []
  const posted: unknown[] = []
  let given = 0
  let used = 0
  const executions = new Map(
    states.map(({ running, memoryMb = 100 }, id): [number, Execution] => [
      id,
      {
        memoryBytes: memoryMb * MB,
        running: () => running,
        exceedMemory: () => ended.push(id),
        cancel() {},
        suspend() {},
        later() {},
        still() {},
        reply() {},
        check() {},
      },
    ]),
  )
  const guard = buildMemoryGuard(
    executions,
    (message) => posted.push(message),
    () => 32,
    () => used,
    () => given++,
  )
  return {
    at(megabytes: number) {
      used = megabytes * MB
      for (let i = 0; i < 5; i++) guard()
      return { ended: [...ended], doomed: posted.length, given }
    },
  }
}

test('a process within what its executions may use is left alone', () => {
  expect(guarded([{ running: true }, { running: true }]).at(1_100)).toEqual({
    ended: [],
    doomed: 0,
    given: 0,
  })
})

test('past it, the one execution that runs is ended, and the process takes no new ones', () => {
  const process = guarded([{ running: false }, { running: true }])
  expect(process.at(1_300)).toEqual({ ended: [1], doomed: 1, given: 0 })
  // What it left allocated is not held against the others.
  expect(process.at(1_400)).toEqual({ ended: [1], doomed: 1, given: 0 })
})

test('past it with several running, the process ends and none of them is blamed', () => {
  expect(guarded([{ running: true }, { running: true }]).at(1_300)).toEqual({
    ended: [],
    doomed: 0,
    given: 1,
  })
})

test('past it with none running, those that wait may end', () => {
  expect(guarded([{ running: false }]).at(1_300)).toEqual({ ended: [], doomed: 1, given: 0 })
})
