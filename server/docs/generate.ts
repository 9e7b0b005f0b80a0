/**
 * `npm run docs` writes docs/reference.md; with `--check` it only compares, and fails when the page no longer
 * says what the code does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadTools } from '../../tools/registry.ts'
import { firstDifference } from './drift.ts'
import { renderReference } from './reference.ts'

const path = fileURLToPath(new URL('../../docs/reference.md', import.meta.url))
const text = renderReference(await loadTools())

if (process.argv.includes('--check')) {
  const difference = firstDifference(existsSync(path) ? readFileSync(path, 'utf8') : '', text)
  if (difference !== undefined) {
    process.stderr.write(`docs/reference.md is not what the code says. Run: npm run docs\n${difference}\n`)
    process.exitCode = 1
  }
} else writeFileSync(path, text)
