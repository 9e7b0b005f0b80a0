import { describe, test } from 'vitest'
import { specifications } from './specifications.ts'
import { expectRight } from './wire.fixture.ts'

const SMALL = /swagger-petstore|petstore-separate|uspto|museum|tictactoe/
const small = specifications().filter(({ name }) => SMALL.test(name))

describe.skipIf(small.length === 0)('requests of imported connectors (needs ../shared/data)', () => {
  test.each(small)('$name: every request is right by an independent validator', async (specification) => {
    await expectRight(specification)
  })
})
