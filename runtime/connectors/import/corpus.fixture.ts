import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect } from 'vitest'
import { AppError } from '../../../core/errors.ts'
import { type ActionDefinition, ConnectorDefinition } from '../definition.ts'
import { buildRequest } from '../request.ts'
import { validateInput } from '../validate-input.ts'
import { type ImportReport, importSpec } from './index.ts'
import { sampleInput } from './sample-input.fixture.ts'

/** Real specifications of real APIs, kept outside the repository. */
export const corpus = join(import.meta.dirname, '../../../../shared/data/specs')
export interface Entry {
  name: string
  root: string
  format: string
  operations: number
  webhooks?: number
}

export const entries: Entry[] = existsSync(corpus)
  ? (JSON.parse(readFileSync(join(corpus, 'MANIFEST.json'), 'utf8')) as { entries: Entry[] }).entries
  : []

function filesUnder(folder: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const item of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(item.parentPath, item.name)
    if (item.isFile()) files[relative(folder, path)] = readFileSync(path, 'utf8')
  }
  return files
}

export const load = (entry: Entry) =>
  entry.name.endsWith('/')
    ? importSpec({ files: filesUnder(join(corpus, entry.name)), root: relative(entry.name, entry.root) })
    : importSpec({ text: readFileSync(join(corpus, entry.root), 'utf8') })

/** References to shared schemas anywhere in a definition that lead nowhere. */
function danglingReferences(definition: ConnectorDefinition): string[] {
  const used = JSON.stringify(definition).matchAll(/"\$ref":"([^"]*)"/g)
  const known = new Set(Object.keys(definition.schemas).map((name) => `#/schemas/${name}`))
  return [...new Set([...used].map(([, reference = '']) => reference))].filter(
    (reference) => !known.has(reference),
  )
}

/** Input keys that an action's pagination names. */
const pageKeys = ({ pagination }: ActionDefinition): string[] => [
  ...(pagination?.sizeParameter === undefined ? [] : [pagination.sizeParameter]),
  ...(pagination === undefined || pagination.type === 'link' ? [] : [pagination.parameter]),
]

export function checkDefinition(definition: ConnectorDefinition, report: ImportReport): void {
  expect(report.imported + report.skipped.length).toBe(report.operations)
  expect(definition.actions).toHaveLength(report.imported)
  expect(new Set(definition.actions.map((action) => action.slug)).size).toBe(report.imported)
  // What the importer writes is what the contract says, and survives the trip through JSON.
  expect(ConnectorDefinition.parse(JSON.parse(JSON.stringify(definition)))).toEqual(definition)
  expect(danglingReferences(definition)).toEqual([])
  for (const action of definition.actions) {
    expect(action.inputSchema, action.slug).toMatchObject({
      type: 'object',
      properties: expect.any(Object) as object,
    })
    for (const keyword of ['oneOf', 'anyOf', 'allOf', '$ref'])
      expect(action.inputSchema).not.toHaveProperty(keyword)
    expect(
      pageKeys(action).filter((key) => !Object.hasOwn(action.inputSchema.properties as object, key)),
    ).toEqual([])
    expect(action.description.length, action.slug).toBeLessThanOrEqual(700)
    expect(action.description.length, action.slug).toBeGreaterThan(3)
  }
}

/** Compiles every nth input schema and builds a request from a sample that fits it. */
export function exercise(
  definition: ConnectorDefinition,
  every: number,
): { tried: number; accepted: number } {
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

/** Imports an entry and checks that every operation of it is accounted for. */
export async function checkEntry(entry: Entry): Promise<void> {
  const startedAt = performance.now()
  const { definition, report } = await load(entry)
  const elapsedMs = performance.now() - startedAt
  expect(report.operations).toBe(entry.operations)
  expect(report.skipped).toEqual([])
  expect(definition.events.length).toBeGreaterThanOrEqual(entry.webhooks ?? 0)
  expect(elapsedMs).toBeLessThan(6_000)
  checkDefinition(definition, report)
  const { tried, accepted } = exercise(definition, 23)
  // The sampler is simple and does not know every keyword; most of what it makes must be accepted.
  expect(accepted / tried).toBeGreaterThan(0.8)
}
