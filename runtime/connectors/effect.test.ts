import { expect, test } from 'vitest'
import { effectOf } from './effect.ts'

test('the method tells what an action does', () => {
  expect(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'].map((method) => effectOf({ method } as never))).toEqual([
    ...['read', 'read', 'write', 'write', 'destructive'],
  ])
})

test.each([
  ['a header', { parameters: [{ name: 'X-HTTP-Method-Override', in: 'header' }] }],
  ['another header', { parameters: [{ name: 'x-method-override', in: 'header' }] }],
  ['a query parameter', { parameters: [{ name: '_method', in: 'query' }] }],
  ['the address', { path: '/orders/1?a=1&_method=DELETE' }],
])('a read is none whose method may be replaced by %s', (_, request) => {
  expect(effectOf({ method: 'GET', ...request })).toBe('destructive')
})

test('what only looks like it says nothing', () => {
  const parameters = [
    { name: 'X-Method', in: 'path' },
    { name: 'payment_method', in: 'query' },
    { name: 'X-HTTP-Methods', in: 'header' },
  ]
  expect(effectOf({ method: 'GET', path: '/methods?_methods=all', parameters })).toBe('read')
})
