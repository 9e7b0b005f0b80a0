import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AppError } from '../../../core/errors.ts'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { checkDefinition, checkEntry, corpus, entries, exercise } from './corpus.fixture.ts'
import { importSpec } from './index.ts'

const github = join(
  import.meta.dirname,
  '../../../node_modules/@octokit/openapi/generated/api.github.com.json',
)

/** One of each format, and small; all of them are in corpus.slow.test.ts. */
const LIGHT = /swagger-petstore|uspto|museum|svix|petstore-separate|slack|realworld-conduit|intercom/
const light = entries.filter(({ name }) => LIGHT.test(name))

describe.skipIf(light.length === 0)('real specifications import whole (needs ../shared/data)', () => {
  test.each(light)('$name: $operations operations', async (entry) => {
    await checkEntry(entry)
  })
})

test("GitHub's own specification imports within three seconds of processor time", async () => {
  const text = readFileSync(github, 'utf8')
  const startedAt = cpuMs()
  const { definition, report } = await importSpec({ text })
  expect(cpuMs() - startedAt).toBeLessThan(3_000)
  expect(report.operations).toBe(706)
  expect(report.skipped).toEqual([])
  checkDefinition(definition, report)
  const create = definition.actions.find((action) => action.slug === 'issues_create')
  expect(create?.inputSchema.required).toEqual(['owner', 'repo', 'title'])
  expect(create?.outputSchema).toEqual({ $ref: '#/schemas/issue' })
  expect(definition.verification).toEqual({ action: 'users_get_authenticated', input: {} })
  expect(JSON.stringify(definition).length).toBeLessThan(1_500_000)
  const { tried, accepted } = exercise(definition, 23)
  expect(accepted / tried).toBeGreaterThan(0.8)
})

describe.skipIf(entries.length === 0)('broken specifications (need ../shared/data)', () => {
  const text = (name: string) => readFileSync(join(corpus, 'broken', name), 'utf8')
  const refusal = async (name: string): Promise<AppError> =>
    importSpec({ text: text(name) }).then(
      () => {
        throw new Error('the import was expected to be refused')
      },
      (error: AppError) => error,
    )

  test('a quote that is never closed is refused, naming the line it was opened on or the one after', async () => {
    const error = await refusal('museum-unclosed-quote.yaml')
    expect(error.code).toBe('invalid_input')
    expect(error.message).toMatch(/line 7[2-4]\b/)
  })

  test('truncated JSON is refused, saying that it ends early', async () => {
    const error = await refusal('slack-truncated.json')
    expect(error.code).toBe('invalid_input')
    expect(error.message).toContain('ends early')
  })

  test('a missing $ref is reported by name and every operation still imports', async () => {
    const { definition, report } = await importSpec({ text: text('petstore-missing-ref.yaml') })
    expect(JSON.stringify(report.warnings)).toContain('#/components/schemas/PetThatIsNotThere')
    expect(report.imported + report.skipped.length).toBe(19)
    expect(definition.actions.map((action) => action.slug)).toContain('get_inventory')
    checkDefinition(definition, report)
  })

  test('schemas that all refer to each other cost no more than their size, and a pure $ref loop is reported', async () => {
    const startedAt = cpuMs()
    const { definition, report } = await importSpec({
      text: text('petstore-fully-connected-recursion.json'),
    })
    expect(cpuMs() - startedAt).toBeLessThan(2_000)
    expect(report.imported).toBe(60)
    expect(JSON.stringify(report.warnings)).toMatch(/LoopA.*LoopB.*only refer to each other/)
    expect(JSON.stringify(definition).length).toBeLessThan(400_000)
    checkDefinition(definition, report)
    exercise(definition, 60)
  })

  test('bad items of a Postman collection are listed, the good ones import', async () => {
    const { definition, report } = await importSpec({
      text: text('conduit-bad-items.postman_collection.json'),
    })
    expect(report.imported + report.skipped.length).toBe(report.operations)
    expect(report.skipped.map(({ path, reason }) => [path, reason])).toEqual([
      ['Register', 'the item has neither a request nor items'],
      ['Login', 'the request has no url'],
      ['#/item/5', 'the item is not an object'],
    ])
    // A bare address and a request without a method are GETs.
    expect(definition.actions.slice(0, 2).map(({ slug, method }) => [slug, method])).toEqual([
      ['auth_login_and_remember_token', 'GET'],
      ['auth_current_user', 'GET'],
    ])
    checkDefinition(definition, report)
  })
})
