import { expect } from 'vitest'
import { checkWire } from './check-wire.ts'
import { excuseOf } from './excused.ts'
import type { Specification } from './specifications.ts'

/** Every request made from a description's own schemas is right by Prism, but for what is excused. */
export async function expectRight(specification: Specification, share = 1): Promise<void> {
  const { problems, requests } = await checkWire(specification, { share })
  const open = problems.filter((problem) => excuseOf(specification.name, problem) === undefined)
  expect(open).toEqual([])
  expect(requests).toBeGreaterThan(0)
}
