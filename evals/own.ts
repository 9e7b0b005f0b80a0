/**
 * `npm run -s patchbay -- eval workflow order-sync --cases cases.json`, and `eval connector shop`: the harness on a user's own
 * things, at the server that PATCHBAY_EVAL_URL and PATCHBAY_EVAL_KEY name. The exit code says whether all passed.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildDoors, type Doors, ToolFailure } from './doors.ts'
import { reportHtml } from './report/html.ts'
import { reportText } from './report/text.ts'
import { runSuite } from './runner.ts'
import type { AnySuite } from './suites/index.ts'
import { casesOfRun, readCases } from './suites/own/cases.ts'
import { connectorSuite } from './suites/own/connector.ts'
import { workflowSuite } from './suites/own/workflow.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string' },
    run: { type: 'string' },
    connection: { type: 'string' },
    customer: { type: 'string' },
    'allow-writes': { type: 'boolean', default: false },
    trials: { type: 'string', default: '1' },
    json: { type: 'string' },
    html: { type: 'string' },
  },
})

function fail(problem: string): never {
  process.stderr.write(`${problem}\n`)
  process.exit(2)
}

async function suiteGiven(doors: Doors): Promise<AnySuite> {
  const [kind, slug] = positionals
  if (slug === undefined) fail('Name a workflow or a connector.')
  if (kind === 'connector')
    return connectorSuite({
      ...{ connector: slug, allowWrites: values['allow-writes'] },
      ...(values.connection === undefined ? {} : { connection: values.connection }),
      ...(values.customer === undefined ? {} : { customer: values.customer }),
    })
  if (kind !== 'workflow') fail(`'${kind}' is neither workflow nor connector.`)
  // Before its cases are asked for: those of a workflow that is not there would be in vain.
  await doors.call('get_workflow', { workflow: slug })
  const { cases, run } = values
  if ((cases === undefined) === (run === undefined))
    fail('Give the test cases of the workflow: --cases FILE, or --run ID of the agent’s run that wrote them.')
  return workflowSuite(slug, cases === undefined ? await casesOfRun(doors, run ?? '') : readCases(cases))
}

/** What a tool answered, as a person reads it. */
function said(error: unknown): string {
  const { detail, hint } = error instanceof ToolFailure ? error.body : {}
  if (typeof detail !== 'string') return (error as Error).message
  return typeof hint === 'string' ? `${detail} ${hint}` : detail
}

const { PATCHBAY_EVAL_URL: url, PATCHBAY_EVAL_KEY: key } = process.env
if (url === undefined || key === undefined)
  fail('Run it by `npm run -s patchbay -- eval`, which knows the server and the key.')
const trials = Number(values.trials)
if (!Number.isInteger(trials) || trials < 1)
  fail(`--trials is a whole number from 1, and not '${values.trials}'.`)
try {
  const doors = buildDoors(url, key)
  const report = await runSuite(await suiteGiven(doors), {
    doors,
    policy: 'run',
    trials,
    seed: 1,
    count: Number.MAX_SAFE_INTEGER,
    maxSeconds: 3_600,
    settings: {},
    note: (text) => process.stderr.write(`${text}\n`),
  })
  process.stdout.write(`${reportText(report)}\n`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`)
  if (values.html !== undefined) writeFileSync(values.html, reportHtml(report))
  process.exitCode = report.tasks.length > 0 && report.tasks.every(({ passed }) => passed) ? 0 : 1
} catch (error) {
  fail(said(error))
}
