import { expect } from 'vitest'
import { checkSpecification } from './check-specification.ts'
import { excuseFor } from './excused-postman.ts'
import type { Specification } from './specifications.ts'

/** Every request made from a description's own schemas is right by Prism, but for what is excused. */
export async function expectRight(specification: Specification, share = 1): Promise<void> {
  const { problems, requests } = await checkSpecification(specification, { share })
  const open = problems.filter((problem) => excuseFor(specification.name, problem) === undefined)
  expect(open).toEqual([])
  expect(requests).toBeGreaterThan(0)
}
