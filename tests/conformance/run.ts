import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { startFixtureServer } from './fixture-server.ts'

/**
 * `npm run conformance`: the official MCP conformance suite against Patchbay's transport, for each
 * revision's own frozen list of required scenarios. Fails when a required scenario fails, or did not run,
 * and is not in expected-failures.yml, and when one listed there passes. Scenarios the suite itself does
 * not score are shown and count for nothing. With `--verbose`, the suite's whole output is shown.
 */
const REVISIONS = ['2025-11-25', '2026-07-28']
const REVISION_TIMEOUT_MS = 90_000
const verbose = process.argv.includes('--verbose')

const Requirements = z.object({
  server: z.array(z.string()),
  not_scored: z.array(z.object({ scenario: z.string(), leg: z.string(), reason: z.string() })),
})
const ExpectedFailures = z.object({ server: z.array(z.string()) })

const suite = dirname(
  createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'),
)
const expected = ExpectedFailures.parse(
  parse(readFileSync(new URL('expected-failures.yml', import.meta.url), 'utf8')),
).server

const server = await startFixtureServer()
try {
  console.log('MCP conformance, server scenarios\n\nrevision     required   not scored')
  let failed = false
  for (const revision of REVISIONS) {
    const { output, passed } = await runSuite(server.url, revision)
    const wrong = report(revision, passed)
    if (wrong && !verbose) console.log(output)
    failed ||= wrong
  }
  process.exitCode = failed ? 1 : 0
} finally {
  await server.close()
}

/** The suite's output, and the scenarios that ran: did each pass? */
function runSuite(url: string, revision: string): Promise<{ output: string; passed: Map<string, boolean> }> {
  const args = [join(suite, 'dist', 'index.js'), 'server', '--url', url, '--requirements', revision]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: REVISION_TIMEOUT_MS,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
        if (verbose) process.stdout.write(chunk)
      })
    }
    child.once('error', reject)
    child.once('close', () => {
      const summary = output.slice(output.lastIndexOf('=== SUMMARY ==='))
      const lines = summary.matchAll(/^(\S) ([\w-]+): \d+ passed, \d+ failed/gm)
      resolve({ output, passed: new Map([...lines].map(([, mark, name]) => [name ?? '', mark === '✓'])) })
    })
  })
}

/** Prints one revision's results; true when they are not what they must be. */
function report(revision: string, passed: Map<string, boolean>): boolean {
  const requirements = Requirements.parse(
    parse(readFileSync(join(suite, 'requirements', `${revision}.yaml`), 'utf8')),
  )
  const notScored = requirements.not_scored.filter(({ leg }) => leg === 'server')
  const count = (names: string[]) =>
    `${names.filter((name) => passed.get(name) === true).length}/${names.length}`
  const others = notScored.map(({ scenario }) => scenario)
  console.log(`${revision}   ${count(requirements.server).padEnd(8)}   ${count(others)}`)

  let wrong = false
  for (const name of requirements.server) {
    const ok = passed.get(name) === true
    if (ok === !expected.includes(name)) continue
    wrong = true
    const what = passed.has(name) ? 'fails' : 'did not run'
    console.log(`  ✗ ${name} ${ok ? 'passes but is listed in expected-failures.yml' : what}`)
  }
  for (const { scenario, reason } of notScored) {
    console.log(`  ${passed.get(scenario) === true ? '✓' : '·'} ${scenario} (not scored: ${reason})`)
  }
  return wrong
}
