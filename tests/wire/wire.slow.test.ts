import { describe, test } from 'vitest'
import { specifications } from './specifications.ts'
import { expectRight } from './wire.fixture.ts'

/** Prism takes seconds for an operation of Stripe's, all of whose schemas refer to each other. */
const TOO_SLOW = /stripe/
const checked = specifications().filter(({ name }) => !TOO_SLOW.test(name))
const SHARE = 0.05

describe.skipIf(checked.length === 0)('requests of imported connectors (needs ../shared/data)', () => {
  test.each(checked)('$name: requests of a part of it are right by an independent validator', async (one) => {
    await expectRight(one, SHARE)
  })
})
