/**
 * `npm run docs` writes docs/reference.md and docs/graphs.md; with `--check` it only compares, and fails when a page no
 * longer says what the code does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { agents } from '../../graphs/index.ts'
import { loadTools } from '../../tools/registry.ts'
import { firstDifference } from './drift.ts'
import { renderGraphs } from './graphs.ts'
import { renderReference } from './reference.ts'

const pages = {
  'docs/reference.md': renderReference(await loadTools()),
  'docs/graphs.md': await renderGraphs(agents),
}

for (const [name, text] of Object.entries(pages)) {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url))
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text)
    continue
  }
  const difference = firstDifference(existsSync(path) ? readFileSync(path, 'utf8') : '', text)
  if (difference === undefined) continue
  process.stderr.write(`${name} is not what the code says. Run: npm run docs\n${difference}\n`)
  process.exitCode = 1
}
