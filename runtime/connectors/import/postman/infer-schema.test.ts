import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cpuMs } from '../../../../tests/setup/cpu.ts'
import { parseTemplate } from './body.ts'
import { inferSchema } from './infer-schema.ts'

test('every example fits the schema inferred from all of them', () => {
  const ajv = new Ajv2020({ strict: false, ownProperties: true })
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1, maxLength: 6 }), (examples) => {
      const accepts = ajv.compile(inferSchema(examples))
      for (const example of examples) expect(accepts(example), JSON.stringify(example)).toBe(true)
    }),
    { numRuns: 50 },
  )
})

test('any JSON text is read as itself, whatever variables, comments and quotes surround it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      expect(parseTemplate(`// first\n${JSON.stringify(value, null, 1)}`)).toEqual(
        JSON.parse(JSON.stringify(value)),
      )
    }),
    { numRuns: 50 },
  )
})

test('hostile text is read in moments', () => {
  const startedAt = cpuMs()
  parseTemplate(`"${'\\"'.repeat(200_000)}`)
  parseTemplate('['.repeat(100_000))
  parseTemplate('{{'.repeat(200_000))
  expect(cpuMs() - startedAt).toBeLessThan(2_000)
})
