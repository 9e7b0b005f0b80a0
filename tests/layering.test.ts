import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** Imports point down this list; ARCHITECTURE.md says what lives in each. */
const layers = ['server', 'graphs', 'agents', 'tools', 'runtime', 'db', 'core'] as const
/** Programs that use Patchbay from outside, through its doors. */
const outside = ['demo', 'evals', 'examples']

/** Each heavy package has one home. */
const homes: Record<string, readonly string[]> = {
  express: ['server'],
  commander: ['server'],
  '@modelcontextprotocol/server': ['server'],
  'isolated-vm': ['runtime'],
  bullmq: ['runtime'],
  ioredis: ['runtime'],
  undici: ['runtime'],
  pg: ['db', 'runtime'],
  '@electric-sql/pglite': ['db'],
  '@electric-sql/pglite-pgvector': ['db'],
  pino: ['core'],
}

interface Import {
  file: string
  target: string
  typeOnly: boolean
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mts)$/.test(entry.name) && !/\.test\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('/testing'))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'"\n;]*?(?:\{[^}]*\}[^'"\n;]*?)?from\s+'([^']+)'|import\(\s*'([^']+)'|(?:^|\n)import\s+'([^']+)'/g,
  )
  return [...found].map((match) => ({
    file,
    target: match[2] ?? match[3] ?? match[4] ?? '',
    typeOnly: match[1] !== undefined,
  }))
}

const layerOf = (path: string) => path.split('/')[0] ?? ''
const localTarget = ({ file, target }: Import) => relative(root, resolve(root, dirname(file), target))

const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
const present = layers.filter((layer) => folders.includes(layer))
const all = present.flatMap((layer) => sources(layer).flatMap(importsOf))

describe('layering', () => {
  test('the test sees the imports it judges', () => {
    expect(all.length).toBeGreaterThan(100)
    expect(importsOf('server/compose.ts').map((found) => layerOf(localTarget(found)))).toContain('db')
  })

  test('imports go one way: server → graphs → agents → tools → runtime → db → core', () => {
    const upward = all
      .filter(({ target }) => target.startsWith('.'))
      .filter(
        (found) =>
          layers.indexOf(layerOf(localTarget(found)) as 'core') <
          layers.indexOf(layerOf(found.file) as 'core'),
      )
      .map((found) => `${found.file} imports ${localTarget(found)}`)
    expect(upward).toEqual([])
  })

  test('no layer reaches outside of the layers', () => {
    const strays = all
      .filter(({ target }) => target.startsWith('.'))
      .filter((found) => !layers.includes(layerOf(localTarget(found)) as 'core'))
      .map((found) => `${found.file} imports ${localTarget(found)}`)
    expect(strays).toEqual([])
  })

  test('demo, evals and examples import nothing of the inside', () => {
    const inside = outside
      .filter((folder) => folders.includes(folder))
      .flatMap((folder) => sources(folder).flatMap(importsOf))
      .filter(
        (found) =>
          found.target.startsWith('.') &&
          !found.typeOnly &&
          layers.includes(layerOf(localTarget(found)) as 'core'),
      )
      .map((found) => `${found.file} imports ${localTarget(found)}`)
    expect(inside).toEqual([])
  })

  test('each heavy package is imported in its home only', () => {
    const away = all
      .filter(({ file, target }) => homes[target] !== undefined && !homes[target].includes(layerOf(file)))
      .map(({ file, target }) => `${file} imports ${target}`)
    expect(away).toEqual([])
  })

  test('the runtime’s own database role is used in db/ and by the composition of new organizations only', () => {
    const allowed = ['runtime/access/bootstrap.ts', 'runtime/triggers/ingest.ts']
    const users = present
      .flatMap(sources)
      .filter(
        (file) =>
          layerOf(file) !== 'db' && /\b(db|database)\.system\(/.test(readFileSync(join(root, file), 'utf8')),
      )
    expect(users.filter((file) => !allowed.includes(file))).toEqual([])
  })

  test('the environment is read in one place', () => {
    const readers = present
      .flatMap(sources)
      .filter(
        (file) =>
          ![
            'server/main.ts',
            'server/worker.ts',
            'server/stdio.ts',
            'server/cli.ts',
            'server/harness.ts',
          ].includes(file) && !file.startsWith('server/cli/'),
      )
      .filter((file) => /process\.env\b/.test(readFileSync(join(root, file), 'utf8')))
    expect(readers).toEqual([])
  })

  test('folders say what lives in them', () => {
    const vague = present
      .flatMap(sources)
      .filter((file) => /(^|\/)(src|utils?|common|helpers?|misc|lib)(\/|\.ts$)/.test(file))
    expect(vague).toEqual([])
  })
})
