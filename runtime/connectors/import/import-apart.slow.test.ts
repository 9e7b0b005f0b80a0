import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import type { AppError } from '../../../core/errors.ts'
import { importSpecApart } from './import-apart.ts'
import { importSpec } from './import-spec.ts'

const github = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json')

const document = (paths: Record<string, unknown>) =>
  JSON.stringify({ openapi: '3.1.0', info: { title: 'T', version: '1' }, paths })
const small = document({ '/a': { get: { operationId: 'one' } } })

/** Many operations with schemas of their own: needs far more memory than its text. */
const large = (operations: number) => {
  const properties = Object.fromEntries(
    Array.from({ length: 200 }, (_unused, index) => [`p${index}`, { type: 'string' }]),
  )
  return document(
    Object.fromEntries(
      Array.from({ length: operations }, (_unused, index) => [
        `/p${index}`,
        { get: { responses: { 200: { content: { 'application/json': { schema: { properties } } } } } } },
      ]),
    ),
  )
}

const refusal = async (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => {
      throw new Error('the import was expected to be refused')
    },
    (error: AppError) => error,
  )

test('a thread gives what the import itself gives, and the event loop goes on meanwhile', async () => {
  const text = readFileSync(github, 'utf8')
  const direct = await importSpec({ text })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const apart = await importSpecApart({ text })
  delay.disable()
  expect(apart).toEqual(JSON.parse(JSON.stringify(direct)))
  expect(delay.max / 1e6).toBeLessThan(250)
})

test('what the import refuses is refused with the same words, place and hint', async () => {
  const text = '{"openapi": "3.0.0", "paths": {'
  const [direct, apart] = await Promise.all([
    refusal(importSpec({ text })),
    refusal(importSpecApart({ text })),
  ])
  expect(apart).toMatchObject({
    code: 'invalid_input',
    message: direct.message,
    where: direct.where,
    hint: direct.hint,
  })
})

test('a document that needs too much memory is refused with that reason, and the process lives on', async () => {
  const error = await refusal(importSpecApart({ text: large(1_500) }, { maxMemoryMb: 24 }))
  expect(error.code).toBe('invalid_input')
  expect(error.message).toContain('more than 24 MB of memory')
  expect((await importSpecApart({ text: small })).report.imported).toBe(1)
})

test('an import that takes too long or is cancelled ends at once, wherever it is', async () => {
  const text = large(1_500)
  const late = await refusal(importSpecApart({ text }, { limits: { maxMs: 40 } }))
  expect(late.code).toBe('timeout')
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 40)
  const stopped = await refusal(importSpecApart({ text }, { signal: controller.signal }))
  expect(stopped.code).toBe('cancelled')
})

test('more imports than may run at once wait; one that is cancelled while it waits leaves the line', async () => {
  const controller = new AbortController()
  const first = Array.from({ length: 3 }, () => importSpecApart({ text: small }))
  const gone = refusal(importSpecApart({ text: small }, { signal: controller.signal }))
  const last = importSpecApart({ text: small })
  controller.abort()
  expect((await gone).code).toBe('cancelled')
  const done = await Promise.all([...first, last])
  expect(done.map(({ report }) => report.imported)).toEqual([1, 1, 1, 1])
})
