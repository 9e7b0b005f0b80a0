import { describe, test } from 'vitest'
import { checkEntry, entries } from './corpus.fixture.ts'

describe.skipIf(entries.length === 0)('every real specification imports whole (needs ../shared/data)', () => {
  test.each(entries)('$name: $operations operations', async (entry) => {
    await checkEntry(entry)
  })
})
