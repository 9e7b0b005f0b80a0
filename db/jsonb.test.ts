import { expect, test } from 'vitest'
import { jsonb } from './jsonb.ts'

test('what Postgres refuses in JSON is replaced, in keys too, and nothing else changes', () => {
  expect(JSON.parse(jsonb({ 'a\0': 'b\ud800c', ok: 'emoji 😀 \u0001' }))).toEqual({
    'a\ufffd': 'b\ufffdc',
    ok: 'emoji 😀 \u0001',
  })
})

test('a backslash followed by u0000 is text and stays', () => {
  expect(JSON.parse(jsonb(['\\u0000', '\\\\\0', '\\ud800']))).toEqual(['\\u0000', '\\\\\ufffd', '\\ud800'])
})
