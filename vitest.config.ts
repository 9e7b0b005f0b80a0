import { defineConfig } from 'vitest/config'

/**
 * `npm test` runs what a developer needs at each change, in under two minutes. Files named `*.slow.test.ts`
 * (whole corpora, browsers, many processes) run by `npm run test:slow`, and in CI.
 */
const slow = process.env.SLOW_TESTS === '1'

export default defineConfig({
  test: {
    include: [slow ? '**/*.slow.test.ts' : '**/*.test.ts'],
    exclude: ['node_modules/**', 'data/**', ...(slow ? [] : ['**/*.slow.test.ts'])],
    globalSetup: ['tests/setup/global.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: slow ? 120_000 : 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './tests/setup/summary-reporter.ts'],
  },
})
