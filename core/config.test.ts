import { expect, test } from 'vitest'
import { readConfig } from './config.ts'

const problemsOf = (environment: Record<string, string>): string[] => {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    return (error as { data: { problems: string[] } }).data.problems
  }
}

test('nothing set is a working configuration on this machine alone', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8787,
    dataDir: './data',
    databaseUrl: undefined,
  })
})

test('every bad setting is named at once', () => {
  const problems = problemsOf({
    PATCHBAY_PORT: '99999',
    PATCHBAY_LOG_LEVEL: 'loud',
    PATCHBAY_MASTER_KEY: 'short',
  })
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'PATCHBAY_PORT',
    'PATCHBAY_MASTER_KEY',
    'PATCHBAY_LOG_LEVEL',
  ])
})

test('executions are left to workers only where there can be some', () => {
  const none = { PATCHBAY_WORKER_CONCURRENCY: '0' }
  expect(problemsOf(none)).toEqual([expect.stringContaining('PATCHBAY_WORKER_CONCURRENCY: 0 leaves')])
  const shared = {
    DATABASE_URL: 'postgres://localhost/p',
    PATCHBAY_MASTER_KEY: Buffer.alloc(32).toString('base64'),
  }
  expect(readConfig({ ...none, ...shared }).workerConcurrency).toBe(0)
})

test('a misspelt setting is refused rather than ignored', () => {
  expect(problemsOf({ PATCHBAY_PROT: '1' })).toEqual(['PATCHBAY_PROT: no such setting'])
})

test('a range that is none is refused', () => {
  expect(problemsOf({ PATCHBAY_ALLOWED_PRIVATE_HOSTS: '10.0.0.0/8,10.0.0.0/99' })[0]).toContain(
    "'10.0.0.0/99'",
  )
})

test('a database of one’s own needs a master key of one’s own', () => {
  expect(problemsOf({ DATABASE_URL: 'postgres://localhost/x' })[0]).toMatch(/^PATCHBAY_MASTER_KEY: required/)
})
