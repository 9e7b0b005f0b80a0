import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { ActionDefinition, type ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { importSpec } from '../../runtime/connectors/import/import-spec.ts'
import { buildRandom } from '../random.ts'
import { mutate } from './mutate.ts'
import { type MutationClass, mutationClasses } from './mutation.ts'

const text = readFileSync(new URL('../environments/ledger.openapi.yaml', import.meta.url), 'utf8')
let definition: ConnectorDefinition
beforeAll(async () => {
  definition = (await importSpec({ text })).definition
})

const made = (kind: MutationClass, seed: number) =>
  definition.actions.flatMap(({ slug }) => mutate(definition, slug, kind, buildRandom(seed, slug)) ?? [])

describe('mutations', () => {
  test.each(mutationClasses)('%s: some action can be broken so', (kind) => {
    expect(Array.from({ length: 5 }, (_, seed) => made(kind, seed)).flat().length).toBeGreaterThan(0)
  })

  test('the same seed gives the same mutation, another one others', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...mutationClasses), (seed, kind) => {
        expect(made(kind, seed)).toEqual(made(kind, seed))
      }),
      { numRuns: 50 },
    )
    const variants = new Set(Array.from({ length: 30 }, (_, seed) => JSON.stringify(made('path', seed))))
    expect(variants.size).toBeGreaterThan(10)
  })

  test('a mutation is an action still, differs from the right one, and leaves the definition as it was', () => {
    const before = structuredClone(definition)
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...mutationClasses), (seed, kind) => {
        for (const { broken, connector, action } of made(kind, seed)) {
          const right = definition.actions.find(({ slug }) => slug === action)
          expect(broken === undefined).toBe(connector !== undefined)
          if (broken === undefined) continue
          expect(ActionDefinition.safeParse(broken).error).toBeUndefined()
          expect(broken).not.toEqual(right)
          expect(broken.slug).toBe(action)
        }
      }),
      { numRuns: 200 },
    )
    expect(definition).toEqual(before)
  })
})
