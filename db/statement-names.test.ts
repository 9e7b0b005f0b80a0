import { expect, test } from 'vitest'
import { buildStatementNames } from './statement-names.ts'

test('a statement is kept from the third time on, under one name for each role', () => {
  const nameOf = buildStatementNames()
  const ask = (role: 'tenant' | 'system', sql: string) => [1, 2, 3, 4].map(() => nameOf(role, sql))
  const [first, second, third, fourth] = ask('tenant', 'SELECT $1')
  expect([first, second]).toEqual([undefined, undefined])
  expect(third).toBeDefined()
  expect(fourth).toBe(third)
  const others = [ask('system', 'SELECT $1')[3], ask('tenant', 'SELECT $1, 2')[3]]
  expect(new Set([third, ...others]).size).toBe(3)
})

test('texts that are new each time, and more than are kept, fill neither connections nor memory', () => {
  const nameOf = buildStatementNames()
  for (let n = 0; n < 100_000; n += 1) expect(nameOf('tenant', `SELECT ${n}`)).toBeUndefined()
  const named = Array.from({ length: 1_000 }, (_, n) =>
    [1, 2, 3].map(() => nameOf('system', `SELECT $1, ${n}`)).at(-1),
  )
  expect(named.filter((name) => name !== undefined).length).toBe(200)
})
