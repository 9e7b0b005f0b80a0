import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type { ImportSource } from '../../runtime/connectors/import/import-spec.ts'

/** A description to check: the shared test data's, and GitHub's own from npm. */
export interface Specification {
  name: string
  /** The main file. */
  path: string
  format: 'openapi' | 'swagger' | 'postman'
  source(): ImportSource
  /** What the validator reads: the main file's path, or the document without what only looks like references. */
  document(): string | object
}

const shared = fileURLToPath(new URL('../../../shared/data/specs/', import.meta.url))
const github = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json')

interface Entry {
  name: string
  root: string
  files: number
  format: string
}

export function specifications(): Specification[] {
  const manifest = join(shared, 'MANIFEST.json')
  const entries = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { entries: Entry[] }).entries
    : []
  return [
    {
      name: 'github (npm)',
      path: github,
      format: 'openapi',
      source: () => ({ text: readFileSync(github, 'utf8') }),
      document: () => readable(github),
    },
    ...entries.map(({ name, root, format }): Specification => {
      const path = join(shared, root)
      return {
        name,
        path,
        format: format.startsWith('Postman') ? 'postman' : format === 'Swagger' ? 'swagger' : 'openapi',
        document: () =>
          name.includes('square') ? readable(path) : name.includes('stripe') ? requestsOnly(path) : path,
        source: () =>
          name.endsWith('/') ? folder(join(shared, name), path) : { text: readFileSync(path, 'utf8') },
      }
    }),
  ]
}

/** A description of several files, by their paths from the folder. */
function folder(root: string, main: string): ImportSource {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile() && /\.(ya?ml|json)$/.test(path))
  return {
    files: Object.fromEntries(files.map((path) => [relative(root, path), readFileSync(path, 'utf8')])),
    root: relative(root, main),
  }
}

/**
 * A JSON document as the validator can read it. References inside example values are data, which it would fetch;
 * Square's refers to a schema that is not there, which stands for anything.
 */
function readable(path: string): object {
  const examples = new Set(['example', 'examples', 'x-sq-sdk-sample-code'])
  const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')), (key, value: unknown) =>
    examples.has(key) ? undefined : value,
  )
  const document = JSON.parse(text) as { components: { schemas: Record<string, object> } }
  const { schemas } = document.components
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"/]+)"/g)) schemas[name] ??= {}
  return document
}

/**
 * What requests are made of, without the responses and what only they need: the validator copies everything an
 * operation could reach, and in Stripe's responses everything reaches everything.
 */
function requestsOnly(path: string): object {
  const document = parse(readFileSync(path, 'utf8')) as Record<string, Record<string, Record<string, object>>>
  const { schemas = {}, ...components } = document.components ?? {}
  const paths = Object.fromEntries(
    Object.entries(document.paths ?? {}).map(([template, item]) => [
      template,
      Object.fromEntries(
        Object.entries(item).map(([key, operation]) => [
          key,
          Array.isArray(operation) ? operation : { ...operation, responses: { 200: { description: 'OK' } } },
        ]),
      ),
    ]),
  )
  const kept: Record<string, unknown> = {}
  const keep = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"/]+)"/g)) {
      if (Object.hasOwn(kept, name)) continue
      kept[name] = schemas[name as keyof typeof schemas]
      keep(kept[name])
    }
  }
  keep(paths)
  return { ...document, paths, components: { ...components, schemas: kept } }
}
