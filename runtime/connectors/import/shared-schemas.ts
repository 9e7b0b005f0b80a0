import { AppError } from '../../../core/errors.ts'
import type { JsonSchema } from '../../../core/json.ts'
import { schemaReference } from '../bundle-schema.ts'
import { convertSchema } from './convert-schema.ts'
import { type Documents, type Place, placeKey, referenceOf, showPlace } from './documents.ts'
import type { ReportBuilder } from './report.ts'
import { buildUniqueNames } from './unique-name.ts'

/** Converts schemas, keeping everything that is referred to shared under a name. */
export interface SharedSchemas {
  /** `place` as JSON Schema 2020-12, references kept as `#/schemas/<name>`. */
  convert(place: Place): JsonSchema
  /** Like convert, but as a shared schema of its own: for parts that several operations use. */
  share(place: Place, suggestedName: string): JsonSchema
  /** Did any schema so far say how it is written in XML? */
  hasXml(): boolean
  /** Converts what is still waiting and returns every shared schema that is used. */
  finish(): Record<string, JsonSchema>
}

/**
 * Named schemas are converted once each, from a work list and not by recursion through references: a
 * specification in which everything refers to everything costs no more than its own size.
 */
export function buildSharedSchemas(
  documents: Documents,
  is30: boolean,
  warn: ReportBuilder['warn'],
): SharedSchemas {
  const names = new Map<string, string>()
  const uniqueName = buildUniqueNames()
  const waiting: { name: string; place: Place }[] = []
  const done = new Map<string, JsonSchema>()
  const unresolved = new Map<string, string>()

  const where = (place: Place) => showPlace(documents, place)
  const name = (place: Place, suggested = nameFor(place)): string => {
    const key = placeKey(place)
    const known = names.get(key)
    if (known !== undefined) return known
    const unique = uniqueName(suggested)
    names.set(key, unique)
    waiting.push({ name: unique, place })
    return unique
  }

  const reference = (text: string, from: Place): JsonSchema => {
    const key = `${from.file} ${text}`
    const failed = unresolved.get(key)
    if (failed !== undefined) return anything(failed)
    try {
      const first = documents.target(text, from.file)
      const final = documents.follow(first)
      // In 3.1 a reference may have siblings; then it is a schema of its own, not an alias.
      const alias = referenceOf(first.node) !== undefined && Object.keys(first.node as object).length === 1
      return schemaReference(name(alias ? final : first))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      unresolved.set(key, text)
      warn(where(from), `${error.message} Any value is accepted there.`)
      return anything(text)
    }
  }

  let sawXml = false
  const noteXml = () => {
    sawXml = true
  }
  const context = {
    reference,
    is30,
    noteXml,
    note: (place: Place, message: string) => warn(where(place), message),
  }
  return {
    convert: (place) => convertSchema(place, context),
    share: (place, suggested) =>
      referenceOf(place.node) === undefined
        ? schemaReference(name(place, safeName(suggested)))
        : convertSchema(place, context),
    hasXml: () => sawXml,
    finish() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        done.set(next.name, convertSchema(next.place, context))
      }
      return Object.fromEntries(done)
    },
  }
}

const anything = (reference: string): JsonSchema => ({
  description: `Any value: the specification refers to '${reference}', which cannot be resolved.`,
})

const safeName = (text: string): string =>
  text.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^_+|_+$/g, '') || 'schema'

/** `#/components/schemas/Pet` → `Pet`; `models/pet.yml` → `pet`; deeper places keep their last words. */
function nameFor(place: Place): string {
  const tokens = place.pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  const base = (place.file.split('/').at(-1) ?? place.file).replace(/\.(ya?ml|json)$/i, '')
  if (tokens.length === 0) return safeName(base)
  const component = tokens[0] === 'components' || tokens[0] === 'definitions'
  const telling = (component ? tokens.slice(tokens[0] === 'definitions' ? 1 : 2) : tokens).filter(
    (token) => !['properties', 'schema', 'content', 'application/json', 'allOf', 'items'].includes(token),
  )
  return safeName(telling.slice(-4).join('_') || base)
}
