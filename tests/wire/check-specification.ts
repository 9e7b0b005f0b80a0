import { readFileSync } from 'node:fs'
import { checkPostman } from './check-postman.ts'
import { checkWire, type WireResult } from './check-wire.ts'
import type { Specification } from './specifications.ts'

/** Checks a description with whatever independent implementation reads its format. */
export const checkSpecification = (
  specification: Specification,
  options: { share?: number; seed?: number } = {},
): Promise<WireResult> =>
  specification.format === 'postman'
    ? checkPostman(readFileSync(specification.path, 'utf8'), options)
    : checkWire(specification, options)
