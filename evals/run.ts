/** `npm run eval -- --suite fix-action --policy deterministic`: how often a policy does what a suite asks. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startPatchbay } from '../demo/server.ts'
import { buildDoors } from './doors.ts'
import { reportText } from './report.ts'
import { runSuite } from './runner.ts'
import { suites } from './suites/index.ts'

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    policy: { type: 'string', default: 'deterministic' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    'max-seconds': { type: 'string', default: '1800' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
  },
})

const suite = suites.find(({ name }) => name === values.suite)
if (suite === undefined) {
  const names = suites.map(({ name, description }) => `  ${name}: ${description}`)
  process.stderr.write(
    `Usage: npm run eval -- --suite NAME [--policy P] [--seed N] [--count N] [--max-seconds N] [--set name=value] [--json FILE]\nSuites:\n${names.join('\n')}\n`,
  )
  process.exit(2)
}

const settings = Object.fromEntries(
  values.set.map((text) => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)]),
)
const server = await startPatchbay()
try {
  const report = await runSuite(suite, {
    doors: buildDoors(server.url, server.ownerKey),
    policy: values.policy,
    seed: Number(values.seed),
    count: Number(values.count),
    maxSeconds: Number(values['max-seconds']),
    settings,
    note: (text) => process.stderr.write(`${text}\n`),
  })
  process.stdout.write(`${reportText(report)}\n`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`)
  process.exitCode = report.regressions > 0 ? 1 : 0
} finally {
  await server.stop()
}
