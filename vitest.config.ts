import { globSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/**
 * `npm test` runs what a developer needs at each change, in under two minutes, on the embedded database. Files
 * named `*.slow.test.ts` (whole corpora, browsers, many processes), and every suite of the fast ones that is
 * about both databases once more on a Postgres server, run by `npm run test:slow`, and in CI.
 */
const slow = process.env.SLOW_TESTS === '1'
const onEachDatabase = () =>
  globSync('{db,runtime,server,tests,tools}/**/*.test.ts').filter((file) =>
    readFileSync(file, 'utf8').includes('describeOnEachDatabase('),
  )

export default defineConfig({
  test: {
    include: slow ? ['**/*.slow.test.ts', ...onEachDatabase()] : ['**/*.test.ts'],
    exclude: ['node_modules/**', 'data/**', ...(slow ? [] : ['**/*.slow.test.ts'])],
    globalSetup: ['tests/setup/global.ts'],
    pool: 'forks',
    maxWorkers: 4,
    // Files share the modules of their worker, which saves a quarter of the time: a test leaves nothing behind in
    // its process (environment, globals, timers).
    isolate: slow,
    testTimeout: slow ? 120_000 : 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './tests/setup/summary-reporter.ts'],
  },
})
