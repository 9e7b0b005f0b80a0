import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Described {
  /** camelCase: the connector's slug, and the first part of the API's path. */
  name: string
  text(): string
}

const shared = fileURLToPath(new URL('../../../shared/data/specs/', import.meta.url))

/** Descriptions of real APIs that their owners publish, of all formats a server can be made of. */
const REAL: [string, string][] = [
  ['petstore', 'openapi3/swagger-petstore.yaml'],
  ['museum', 'openapi31/redocly-museum.yaml'],
  ['box', 'openapi3/box.json'],
  ['maps', 'openapi3/google_maps.yaml'],
  ['xero', 'openapi3/xero_accounting.yaml'],
  ['svix', 'openapi31/svix.json'],
  ['netlify', 'swagger2/netlify.yaml'],
  ['slack', 'swagger2/slack_web.json'],
  ['openai', 'openapi31/openai.yaml'],
]

/** Our own small one, which is always there. */
const own: Described = {
  name: 'ledger',
  text: () => readFileSync(new URL('./ledger.openapi.yaml', import.meta.url), 'utf8'),
}

/** What a report says of a description that is not there. */
export const asLeftOut = (file: string): string =>
  `${file}: this published description is not in ../shared/data/specs, nor in the repository (docs/evals.md, World)`

/**
 * Descriptions by name; all real ones that are there, and our own, when none is named.
 * @returns also the files that are not there, to be told
 */
export function specifications(names?: readonly string[]): { found: Described[]; absent: string[] } {
  const wanted = REAL.filter(([name]) => names === undefined || names.includes(name))
  const there = wanted.filter(([, file]) => existsSync(join(shared, file)))
  const real = there.map(([name, file]) => ({ name, text: () => readFileSync(join(shared, file), 'utf8') }))
  return {
    found: names === undefined || names.includes(own.name) ? [own, ...real] : real,
    absent: wanted.filter((entry) => !there.includes(entry)).map(([, file]) => basename(file)),
  }
}
