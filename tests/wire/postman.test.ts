import { expect, test } from 'vitest'
import { checkPostman } from './check-postman.ts'
import { richCollection } from './collection.fixture.ts'
import { excuseFor } from './excused-postman.ts'

test('an action sends what Postman itself sends for the saved request', async () => {
  const { checked, operations, problems } = await checkPostman(JSON.stringify(richCollection))
  expect(problems.filter((problem) => excuseFor('postman/rich', problem) === undefined)).toEqual([])
  expect(checked).toBe(operations)
})
