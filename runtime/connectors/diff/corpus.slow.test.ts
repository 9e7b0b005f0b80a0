import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { definitionContent } from '../../connections/definitions.ts'
import { importSpec } from '../import/import-spec.ts'
import { diffConnectors, hasChanges } from './connector-changes.ts'

const specs = '../shared/data/specs'
const MAX_DIFF_MS = 3_000

test
  .skipIf(!existsSync(specs))
  .each([
    'openapi3/box.json',
    'openapi3/square.json',
    'openapi3/stripe.yaml',
    'openapi3/xero_accounting.yaml',
    'openapi31/openai.yaml',
    'openapi31/svix.json',
    'swagger2/netlify.yaml',
    'swagger2/slack_web.json',
    'postman/adobe-reactor.postman_collection.json',
    'postman/realworld-conduit.postman_collection.json',
  ])(
  '%s imported again is no change, and one operation less is told (needs ../shared/data)',
  async (file) => {
    const text = readFileSync(`${specs}/${file}`, 'utf8')
    const { definition } = await importSpec({ text })
    const again = (await importSpec({ text }, { previous: definition.actions })).definition
    const startedAt = cpuMs()
    const before = definitionContent(definition)
    const changes = diffConnectors(before, definitionContent(again))
    expect(cpuMs() - startedAt).toBeLessThan(MAX_DIFF_MS)
    expect(hasChanges(changes)).toBe(false)
    expect(changes.breaking).toEqual([])

    const [gone, ...rest] = again.actions
    const fewer = diffConnectors(before, definitionContent({ ...again, actions: rest }))
    expect(fewer.removed).toEqual([gone?.slug])
    expect(fewer.breaking).toEqual([{ action: gone?.slug, where: 'action', what: 'is gone' }])
  },
)
