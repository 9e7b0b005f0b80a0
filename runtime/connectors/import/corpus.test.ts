import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { AppError } from '../../../core/errors.ts'
import { ConnectorDefinition } from '../definition.ts'
import { buildRequest } from '../request.ts'
import { validateInput } from '../validate-input.ts'
import { type ImportReport, importSpec } from './index.ts'
import { sampleInput } from './sample-input.fixture.ts'

/** Real specifications of real APIs, kept outside the repository. */
const corpus = join(import.meta.dirname, '../../../../shared/data/specs')
const github = join(
  import.meta.dirname,
  '../../../node_modules/@octokit/openapi/generated/api.github.com.json',
)

interface Entry {
  name: string
  root: string
  format: string
  operations: number
  webhooks?: number
}

const entries: Entry[] = existsSync(corpus)
  ? (JSON.parse(readFileSync(join(corpus, 'MANIFEST.json'), 'utf8')) as { entries: Entry[] }).entries.filter(
      (entry) => entry.format === 'OpenAPI',
    )
  : []

function filesUnder(folder: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const item of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name)
    if (item.isFile()) files[relative(folder, path)] = readFileSync(path, 'utf8')
  }
  return files
}

const load = (entry: Entry) =>
  entry.name.endsWith('/')
    ? importSpec({ files: filesUnder(join(corpus, entry.name)), root: relative(entry.name, entry.root) })
    : importSpec({ text: readFileSync(join(corpus, entry.root), 'utf8') })

const sizes: string[] = []
afterAll(() => {
  if (process.env.SHOW_SIZES !== undefined) console.log(sizes.join('\n'))
})

/** References to shared schemas anywhere in a definition that lead nowhere. */
function danglingReferences(definition: ConnectorDefinition): string[] {
  const used = JSON.stringify(definition).matchAll(/"\$ref":"([^"]*)"/g)
  const known = new Set(Object.keys(definition.schemas).map((name) => `#/schemas/${name}`))
  return [...new Set([...used].map(([, reference = '']) => reference))].filter(
    (reference) => !known.has(reference),
  )
}

function checkDefinition(definition: ConnectorDefinition, report: ImportReport): void {
  expect(report.imported + report.skipped.length).toBe(report.operations)
  expect(definition.actions).toHaveLength(report.imported)
  expect(new Set(definition.actions.map((action) => action.slug)).size).toBe(report.imported)
  // What the importer writes is what the contract says, and survives the trip through JSON.
  expect(ConnectorDefinition.parse(JSON.parse(JSON.stringify(definition)))).toEqual(definition)
  expect(danglingReferences(definition)).toEqual([])
  for (const action of definition.actions) {
    expect(action.description.length, action.slug).toBeLessThanOrEqual(700)
    expect(action.description.length, action.slug).toBeGreaterThan(3)
  }
}

/** Compiles every nth input schema and builds a request from a sample that fits it. */
function exercise(definition: ConnectorDefinition, every: number): { tried: number; accepted: number } {
  let tried = 0
  let accepted = 0
  for (const [index, action] of definition.actions.entries()) {
    const input = sampleInput(definition.schemas, action.inputSchema)
    expect(new URL(buildRequest(definition, action, input).url).href).toBeTruthy()
    if (index % every !== 0) continue
    tried += 1
    try {
      validateInput(definition.schemas, action, input)
      accepted += 1
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
      expect((error as AppError).message).not.toContain('cannot be used')
    }
  }
  return { tried, accepted }
}

describe.skipIf(entries.length === 0)('every real specification imports whole (needs ../shared/data)', () => {
  test.each(entries)('$name: $operations operations', async (entry) => {
    const startedAt = performance.now()
    const { definition, report } = await load(entry)
    const elapsedMs = performance.now() - startedAt
    sizes.push(`${entry.name} ${Math.round(elapsedMs)} ms ${JSON.stringify(definition).length} bytes`)
    expect(report.operations).toBe(entry.operations)
    expect(report.skipped).toEqual([])
    expect(definition.events.length).toBeGreaterThanOrEqual(entry.webhooks ?? 0)
    expect(elapsedMs).toBeLessThan(entry.name.includes('stripe') ? 6_000 : 5_000)
    checkDefinition(definition, report)
    const { tried, accepted } = exercise(definition, 23)
    // The sampler is simple and does not know every keyword; most of what it makes must be accepted.
    expect(accepted / tried).toBeGreaterThan(0.8)
  })
})

test("GitHub's own specification imports in under three seconds", async () => {
  const text = readFileSync(github, 'utf8')
  const startedAt = performance.now()
  const { definition, report } = await importSpec({ text })
  expect(performance.now() - startedAt).toBeLessThan(3_000)
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
    const startedAt = performance.now()
    const { definition, report } = await importSpec({
      text: text('petstore-fully-connected-recursion.json'),
    })
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(report.imported).toBe(60)
    expect(JSON.stringify(report.warnings)).toMatch(/LoopA.*LoopB.*only refer to each other/)
    expect(JSON.stringify(definition).length).toBeLessThan(400_000)
    checkDefinition(definition, report)
    exercise(definition, 60)
  })
})
