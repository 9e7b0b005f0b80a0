/**
 * `npm run eval -- --suite fix-action --policy deterministic`: how often a policy does what a suite asks.
 * `npm run eval -- compare A.json B.json`, `npm run eval -- history`.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { misuse, runProgram } from '../demo/program.ts'
import { measureAll } from './all.ts'
import { compare, comparisonText } from './compare.ts'
import { historyText, keep, kept, readReport } from './history.ts'
import { writeFolder } from './report/folder.ts'
import { reportHtml } from './report/html.ts'
import { headingOf, reportText } from './report/text.ts'
import { buildServers } from './servers.ts'
import { runSession } from './session.ts'
import { type AnySuite, suites } from './suites/index.ts'

const { values, positionals } = given()

function given() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        suite: { type: 'string' },
        policy: { type: 'string' },
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '100' },
        trials: { type: 'string', default: '1' },
        'max-seconds': { type: 'string', default: '1800' },
        set: { type: 'string', multiple: true, default: [] },
        beside: { type: 'string' },
        model: { type: 'string' },
        'base-url': { type: 'string' },
        'api-key-env': { type: 'string' },
        price: { type: 'string' },
        record: { type: 'string' },
        played: { type: 'boolean', default: false },
        json: { type: 'string' },
        html: { type: 'string' },
        out: { type: 'string', default: 'evals/results/report' },
        results: { type: 'string', default: 'evals/results' },
        'fail-below': { type: 'string' },
      },
    })
  } catch (error) {
    return usage(misuse(error).message)
  }
}

function usage(problem: string): never {
  const names = suites.map(
    ({ name, description, policies }) =>
      `  ${name}: ${description}\n      policies: nothing, oracle, ${Object.keys(policies).join(', ')}`,
  )
  process.stderr.write(`${problem}
Usage: npm run eval -- --suite NAME [--policy P] [--trials K] [--seed N] [--count N] [--max-seconds N] [--set name=value]
         [--model M --base-url URL [--api-key-env VARIABLE] [--price IN,OUT] [--record FILE] | --played]
         [--beside P,P|none] [--json FILE] [--html FILE] [--results FOLDER|none] [--fail-below SHARE]
       npm run eval -- --suite all [--seed N] [--out FOLDER]
       npm run eval -- compare A.json B.json [--json FILE]
       npm run eval -- history [--suite NAME] [--results FOLDER]
Suites:
${names.join('\n')}
`)
  process.exit(2)
}

const note = (text: string) => process.stderr.write(`${text}\n`)
const writeJson = (value: object) => {
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(value, null, 1)}\n`)
}

function reportAt(file: string | undefined) {
  if (file === undefined) usage('compare takes two reports.')
  return readReport(file) ?? usage(`${file} is no report that --json or the history wrote.`)
}

function runCompare(): void {
  const [a, b] = [reportAt(positionals[1]), reportAt(positionals[2])]
  const comparison = compare(a, b)
  process.stdout.write(`${comparisonText(comparison, { a: headingOf(a), b: headingOf(b) })}\n`)
  writeJson(comparison)
}

function runHistory(): void {
  const { reports, strange } = kept(values.results, values.suite)
  for (const file of strange) note(`${file} is no report, and is left out`)
  const of = values.suite === undefined ? '' : ` of ${values.suite}`
  process.stdout.write(
    `${reports.length === 0 ? `No report${of} is kept in ${values.results} yet: each run of a suite is.` : historyText(reports)}\n`,
  )
}

/** @returns a whole number of at least 1 */
function count(name: 'count' | 'trials' | 'max-seconds' | 'seed'): number {
  const number = Number(values[name])
  return Number.isInteger(number) && number > 0 ? number : usage(`--${name} is a whole number from 1.`)
}

/** The model, when one is named. */
function modelGiven() {
  const { model, 'base-url': baseUrl, 'api-key-env': variable, price } = values
  if (model === undefined && baseUrl === undefined) return {}
  if (model === undefined || baseUrl === undefined) return usage('--model and --base-url go together.')
  const apiKey = variable === undefined ? undefined : process.env[variable]
  if (variable !== undefined && apiKey === undefined) return usage(`The variable ${variable} is not set.`)
  const [input, output] = (price ?? '').split(',').map(Number)
  return {
    model: {
      ...{ model, baseUrl },
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(input === undefined || output === undefined ? {} : { price: { input, output } }),
    },
  }
}

async function runMeasure(suite: AnySuite): Promise<void> {
  const { policy = suite.baseline ?? 'oracle', record } = values
  const references = [
    'nothing',
    ...(suite.withoutOracle === true ? [] : ['oracle']),
    ...(suite.baseline === undefined ? [] : [suite.baseline]),
  ]
  const servers = buildServers()
  const report = await runSession(suite, {
    servers,
    policy,
    trials: count('trials'),
    seed: count('seed'),
    count: count('count'),
    maxSeconds: count('max-seconds'),
    settings: Object.fromEntries(
      values.set.map((text) => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)]),
    ),
    beside: values.beside === 'none' ? [] : (values.beside?.split(',') ?? references),
    ...(values.played ? { played: true } : modelGiven()),
    ...(record === undefined
      ? {}
      : { record: (script) => writeFileSync(record, `${JSON.stringify(script, null, 1)}\n`) }),
    note,
  }).finally(() => servers.close())
  process.stdout.write(`${reportText(report)}\n`)
  writeJson(report)
  if (values.html !== undefined) writeFileSync(values.html, reportHtml(report))
  if (values.results !== 'none') note(`kept as ${keep(report, values.results)}`)
  const wanted = Number(values['fail-below'] ?? 0)
  if (report.regressions > 0 || report.invalid.length > 0 || report.total.rate < wanted) process.exitCode = 1
}

/** Every suite as a CI runs it, without a model; its reports in one folder. */
async function runAll(): Promise<void> {
  const { out: folder } = values
  const all = await measureAll({
    seed: count('seed'),
    note,
    done: (measured) => writeFolder(folder, measured),
  })
  for (const { report, faults } of all) {
    process.stdout.write(`${reportText(report)}\n`)
    for (const fault of faults) process.stdout.write(`NOT AS KNOWN: ${fault}\n`)
    process.stdout.write('\n')
  }
  process.stdout.write(`The reports are in ${folder}; index.html leads to them all.\n`)
  if (all.some(({ faults }) => faults.length > 0)) process.exitCode = 1
}

await runProgram(async () => {
  if (positionals[0] === 'compare') runCompare()
  else if (positionals[0] === 'history') runHistory()
  else if (values.suite === 'all') await runAll()
  else {
    const suite = suites.find(({ name }) => name === values.suite)
    await runMeasure(
      suite ??
        usage(
          values.suite === undefined ? 'Name a suite with --suite.' : `There is no suite '${values.suite}'.`,
        ),
    )
  }
})
