import { defineConfig } from 'vitest/config'

/**
 * `npm test` runs what a developer needs at each change, in about two minutes, the integration tests
 * (`*.int.test.ts`) on a Postgres server. `npm run test:slow`, which CI runs too, runs `*.slow.test.ts` (whole
 * corpora, browsers, many processes) and the integration tests once more, on the embedded database.
 */
const slow = process.env.SLOW_TESTS === '1'
const embedded = process.env.TEST_DATABASE === 'embedded'

export default defineConfig({
  test: {
    include: [slow ? '**/*.slow.test.ts' : embedded ? '**/*.int.test.ts' : '**/*.test.ts'],
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
