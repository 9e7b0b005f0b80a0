import type { Report, Score, TaskRecord, TrialRecord } from '../records.ts'
import type { Rate } from '../statistics.ts'
import type { Step } from '../suite.ts'
import { style } from './style.ts'
import { costsOf, headingOf, percent } from './text.ts'

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What came from APIs, documents and models goes into the page through here, and nowhere else. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character).replace(INVISIBLE, shownCode)

/** Characters that reorder or hide what is read: they are shown by their number. */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const shownCode = (character: string) =>
  `<i class="code">U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}</i>`

/**
 * A report as one page that needs nothing else: no script, no address is loaded, and the browser is told so.
 * Everything is in it, each trajectory behind its task.
 */
export function reportHtml(report: Report, beside: { index?: string } = {}): string {
  const back = beside.index === undefined ? '' : `<p><a href="${escaped(beside.index)}">All suites</a></p>\n`
  return page(
    headingOf(report),
    `<header>
${back}<h1>${escaped(report.suite)}</h1>
<p>${escaped(headingOf(report))}. Begun ${escaped(report.startedAt)}, ${escaped(costsOf(report))}.</p>
${report.invalid.map((reason) => `<p class="invalid"><strong>Not valid.</strong> ${escaped(reason)}</p>`).join('\n')}
${leftOut(report.leftOut ?? [])}
</header>
<main>
<h2>Scores</h2>
${scores(report)}
<h2>By class</h2>
${rates(report.byClass)}
<h2>By environment</h2>
${rates(report.byEnvironment)}
<h2 id="tasks">Tasks</h2>
${report.tasks.map((one, number) => task(one, number, report.passMeans ?? PASS_MEANS)).join('\n')}
<h2>Notes</h2>
<pre>${json(report.notes)}</pre>
</main>`,
  )
}

const PASS_MEANS = 'the end state is there, twice, and nothing else was touched'

const leftOut = (all: readonly string[]): string =>
  all.length === 0 ? '' : `<p>Left out:</p>\n<ul>${all.map((one) => `<li>${escaped(one)}`).join('')}</ul>`

/** A page that loads nothing, whatever it holds. @param body markup, in which what came from elsewhere is escaped */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
${body}
</html>
`

/** Where a task is found in its report's page: inside what is folded, so that a browser opens it. */
export const taskAnchor = (number: number): string => `task-${number}`

function scores(report: Report): string {
  const passHat = report.passHat
    .slice(1)
    .map((rate, index) => line(`pass^${index + 2}`, rate, 'all of so many trials pass'))
  const others = report.beside.map((score: Score) =>
    line(score.policy, score.total, `${costsOf(score)}; beside it, on the same tasks`),
  )
  return table([line(`${report.policy}: pass@1`, report.total, costsOf(report)), ...passHat, ...others])
}

const rates = (groups: Record<string, Rate>): string =>
  table(Object.entries(groups).map(([name, rate]) => line(name, rate, '')))

const table = (rows: string[]): string =>
  `<div class="wide"><table><thead><tr><th>what<th>passed<th>rate<th>95 % interval<th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`

const share = (value: number) => `${(value * 100).toFixed(1)}%`

/** A share and its interval as a bar. */
export const intervalBar = ({ rate, low, high }: Rate): string =>
  `<span class="bar"><span style="width:${share(rate)}"></span><b style="left:${share(low)};width:${share(high - low)}"></b></span>`

function line(name: string, rate: Rate, note: string): string {
  return `<tr><th scope="row">${escaped(name)}<td>${Number(rate.passed.toFixed(1))}/${rate.total}<td>${percent(rate.rate)}<td>${intervalBar(rate)} ${percent(rate.low)} – ${percent(rate.high)}<td>${escaped(note)}</tr>`
}

function task(record: TaskRecord, number: number, passMeans: string): string {
  const passed = record.trials.filter((trial) => trial.passed).length
  const mark = record.passed ? 'passed' : 'failed'
  return `<details class="task ${mark}"><summary><b class="mark">${mark}</b> ${escaped(record.id)} <small>${escaped(`${record.class}, ${record.environment}; ${passed} of ${record.trials.length}, ${record.steps} steps, ${record.seconds.toFixed(1)} s`)}</small></summary>
<div id="${taskAnchor(number)}"></div>
${record.trials.map((trial, index) => trialOf(trial, record.trials.length > 1 ? `Trial ${index + 1}` : undefined, passMeans)).join('\n')}
</details>`
}

function trialOf(trial: TrialRecord, title: string | undefined, passMeans: string): string {
  const checks = [
    ...trial.problems.map((problem) => `<li class="bad">${escaped(problem)}`),
    ...trial.regressions.map((one) => `<li class="bad">regression: ${escaped(one)}`),
    ...trial.unsupported.map((one) => `<li class="doubt">in the answer, and from no tool: ${escaped(one)}`),
    ...(trial.passed ? [`<li class="good">${escaped(passMeans)}`] : []),
  ]
  return `${title === undefined ? '' : `<h3>${title}</h3>`}
<ul class="checks">${checks.join('')}</ul>
<p class="costs">${trial.steps} steps, ${trial.toolErrors} tool errors, ${trial.tokens} tokens, ${trial.seconds.toFixed(2)} s</p>
${trial.trajectory.length === 0 ? '<p class="costs">It left no trajectory.</p>' : `<ol class="steps">${trial.trajectory.map(step).join('')}</ol>`}
${trial.answer === undefined ? '' : `<h4>Answer</h4><pre>${json(trial.answer)}</pre>`}`
}

const KINDS: Record<Step['kind'], string> = { tool: 'tool', model: 'model', note: 'note' }

function step({ kind, title, input, output, error, seconds }: Step): string {
  const part = (name: string, value: unknown) =>
    value === undefined
      ? ''
      : `<details${sizeOf(value) < OPEN_CHARS ? ' open' : ''}><summary>${name}</summary><pre>${json(value)}</pre></details>`
  return `<li class="step ${error === undefined ? '' : 'bad'}"><p><span class="kind ${KINDS[kind]}">${KINDS[kind]}</span> <code>${escaped(title)}</code>${seconds === undefined ? '' : ` <small>${seconds.toFixed(2)} s</small>`}</p>${part('input', input)}${part('output', output)}${error === undefined ? '' : `<p class="error">${escaped(error)}</p>`}`
}

/** Longer ones are folded. */
const OPEN_CHARS = 600
/** What is longer is cut in the page; the JSON has it whole. */
const MAX_CHARS = 20_000

const plainText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, null, 1) ?? '')
const sizeOf = (value: unknown): number => plainText(value).length

function json(value: unknown): string {
  const text = plainText(value)
  return text.length <= MAX_CHARS
    ? escaped(text)
    : `${escaped(text.slice(0, MAX_CHARS))}\n<i class="code">… ${text.length - MAX_CHARS} more characters, in the JSON report</i>`
}
