import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startFixtureServer } from './fixture-server.ts'

/**
 * `npm run conformance`: the official MCP conformance suite against Patchbay's transport, for each
 * revision's own frozen requirements. The suite's exit code decides (a required scenario failed that is
 * not in expected-failures.yml, or one listed there passes); its summary becomes the table. With
 * `--verbose`, the suite's whole output is shown.
 */
const REVISIONS = ['2025-11-25', '2026-07-28']
const REVISION_TIMEOUT_MS = 90_000
const verbose = process.argv.includes('--verbose')
const baseline = fileURLToPath(new URL('expected-failures.yml', import.meta.url))

interface RevisionResult {
  revision: string
  exitCode: number
  output: string
  /** Scenario → did it pass. */
  scenarios: Map<string, boolean>
  /** Scenario → why the suite does not count it (extension, pending, added-after-release). */
  notScored: Map<string, string>
}

const server = await startFixtureServer()
try {
  const results: RevisionResult[] = []
  for (const revision of REVISIONS) results.push(await runSuite(server.url, revision))
  report(results)
  process.exitCode = results.every(({ exitCode }) => exitCode === 0) ? 0 : 1
} finally {
  await server.close()
}

function runSuite(url: string, revision: string): Promise<RevisionResult> {
  const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')
  const suite = join(dirname(manifest), 'dist', 'index.js')
  const args = ['server', '--url', url, '--requirements', revision, '--expected-failures', baseline]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [suite, ...args], {
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
    child.once('close', (code) => {
      resolve({ revision, exitCode: code ?? 1, output, ...readSummary(output) })
    })
  })
}

function readSummary(output: string): Pick<RevisionResult, 'scenarios' | 'notScored'> {
  const scenarios = new Map<string, boolean>()
  const notScored = new Map<string, string>()
  const summary = output.slice(output.lastIndexOf('=== SUMMARY ==='))
  for (const line of summary.split('\n')) {
    const scored = /^(\S) ([\w-]+): \d+ passed, \d+ failed/.exec(line)
    if (scored?.[2] !== undefined) scenarios.set(scored[2], scored[1] === '✓')
    const uncounted = /^ {2}\S ([\w-]+) \(([\w-]+)\)$/.exec(line)
    if (uncounted?.[1] !== undefined) notScored.set(uncounted[1], uncounted[2] ?? '')
  }
  return { scenarios, notScored }
}

function report(results: RevisionResult[]): void {
  console.log('\nMCP conformance, server scenarios\n')
  console.log('revision     required   not scored')
  for (const { revision, scenarios, notScored, exitCode, output } of results) {
    const required = [...scenarios].filter(([name]) => !notScored.has(name))
    const others = [...scenarios].filter(([name]) => notScored.has(name))
    const share = (list: [string, boolean][]) =>
      `${list.filter(([, passed]) => passed).length}/${list.length}`
    console.log(`${revision}   ${share(required).padEnd(8)}   ${share(others)}`)
    for (const [name, passed] of required) if (!passed) console.log(`  ✗ ${name}`)
    for (const [name, passed] of others) {
      console.log(`  ${passed ? '✓' : '·'} ${name} (not scored: ${notScored.get(name)})`)
    }
    if (exitCode !== 0 && !verbose) console.log(`\n${output.slice(-4000)}`)
  }
}
