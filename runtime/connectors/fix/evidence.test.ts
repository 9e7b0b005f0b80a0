import { describe, expect, test } from 'vitest'
import { aspectsOf, evidenceOf } from './evidence.ts'

const trace = (more: Partial<Parameters<typeof evidenceOf>[0]>) => ({
  id: 'trc_1',
  http_status: 200,
  request: { url: 'https://app.example/things' },
  response: null,
  error: null,
  ...more,
})

describe('evidence', () => {
  test('a call in order is none', () => {
    expect(evidenceOf(trace({ response: { status: 200, headers: {}, body: '{}' } }))).toBeUndefined()
  })

  test('a failed call tells what the app wrote, with the headers it wrote it under', () => {
    const body = JSON.stringify({ detail: 'Invalid.', validation: [{ message: 'limit must be integer' }] })
    const response = { status: 422, headers: { Allow: 'GET' }, body }
    const found = evidenceOf(trace({ http_status: 422, response, error: { message: 'was answered 422' } }))
    expect(found).toMatchObject({ status: 422, headers: { allow: 'GET' }, trace: 'trc_1' })
    expect(found?.message).toContain('limit must be integer')
  })

  test('a call that was not sent is about the input, one with warnings about the output', () => {
    const unsent = evidenceOf(
      trace({ http_status: null, request: { sent: false }, error: { message: 'input.id is required' } }),
    )
    expect(unsent).toMatchObject({ message: 'input.id is required' })
    expect(unsent && aspectsOf(unsent)).toEqual(['inputs', 'address'])
    const response = { status: 200, headers: {}, body: '{"id":1}', warnings: ['output.id must be string'] }
    const odd = evidenceOf(trace({ response }))
    expect(odd).toMatchObject({ body: { id: 1 }, warnings: ['output.id must be string'] })
    expect(odd && aspectsOf(odd)).toEqual(['output'])
  })

  test('what an app writes at length is cut before it is looked into', () => {
    const response = { status: 400, headers: {}, body: JSON.stringify({ message: 'a'.repeat(100_000) }) }
    const found = evidenceOf(trace({ http_status: 400, response, error: { message: 'no' } }))
    expect(found?.message.length).toBeLessThanOrEqual(4_000)
  })
})
