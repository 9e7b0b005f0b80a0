import type { Measured } from '../all.ts'
import type { Score, TaskRecord } from '../records.ts'
import { fileOf } from './folder.ts'
import { escaped, intervalBar, page, taskAnchor } from './html.ts'
import { percent } from './text.ts'

/** One page over several reports, which lie beside it: what was measured, how it did, and where to read on. */
export function indexHtml(all: readonly Measured[]): string {
  const begun = all[0]?.report.startedAt.slice(0, 16).replace('T', ' ') ?? ''
  const seconds = all
    .flatMap(({ report }) => [report, ...report.beside])
    .reduce((sum, one) => sum + one.seconds, 0)
  return page(
    'Patchbay evals',
    `<header>
<h1>Patchbay evals</h1>
<p>${all.length} measurements, begun ${escaped(begun)} UTC, ${seconds.toFixed(0)} seconds of tasks.</p>
${faults(all)}
<p>Each policy is measured on the same tasks as the <em>oracle</em>, which has to pass all of them, and as doing <em>nothing</em>, which has to pass none. A <em>baseline</em> needs no model. A <em>played</em> model is a script: it shows that the way through Patchbay works, and says nothing of how good any model is.</p>
</header>
<main>
<table class="index">
<thead><tr><th>policy<th class="number">tasks<th class="number">pass@1<th>95 % interval<th class="number">regressions<th class="number">seconds<th>read on</tr></thead>
${all.map(group).join('\n')}
</table>
</main>`,
  )
}

function faults(all: readonly Measured[]): string {
  const found = all.flatMap(({ report, faults: some }) =>
    some.map((fault) => ({ suite: report.suite, fault })),
  )
  if (found.length === 0) return '<p class="verdict good">Everything is as it is known to be.</p>'
  return `<p class="verdict bad">${found.length} ${found.length === 1 ? 'thing is' : 'things are'} not as known.</p>
<ul class="checks">${found.map(({ suite, fault }) => `<li class="bad"><strong>${escaped(suite)}</strong>: ${escaped(fault)}`).join('')}</ul>`
}

function group(measured: Measured): string {
  const { report, description, measurement, faults: found } = measured
  const file = `${encodeURIComponent(fileOf(measured))}.html`
  const failed = report.tasks.flatMap((task, number) => (task.passed ? [] : [{ task, number }]))
  const links = [`<a href="${file}#tasks">${report.tasks.length} trajectories</a>`]
  return `<tbody>
<tr class="suite"><th scope="rowgroup" colspan="7"><h2><a href="${file}">${escaped(report.suite)}</a> ${found.length === 0 ? '' : '<b class="mark bad">not as known</b>'}</h2>
<p>${escaped(description)}</p>
<p class="costs">Measured: ${escaped(measurement.sample)}; seed ${report.seed}.</p></tr>
${row(report, nameOf(measured), 'measured', links.join(''))}
${report.beside.map((score) => row(score, kindOf(score.policy), 'beside', '')).join('\n')}
${failed.length === 0 ? '' : `<tr class="failures"><td colspan="7">${failures(file, failed, measurement.knownToFail ?? [])}</tr>`}
</tbody>`
}

const nameOf = ({ report, measurement }: Measured): string =>
  measurement.played ? 'with a played model' : report.policy === 'search' ? 'baseline' : kindOf(report.policy)

/** What somebody who does not know our policies is told of them. */
const KINDS: Readonly<Record<string, string>> = {
  nothing: 'has to be 0 %',
  oracle: 'has to be 100 %',
  deterministic: 'baseline',
  guess: 'baseline: never asks',
  careful: 'baseline: takes no orders',
  gullible: 'a model that obeys all it reads',
  agent: 'no model',
}
const kindOf = (policy: string): string => KINDS[policy] ?? ''

function row(score: Score, kind: string, style: string, links: string): string {
  const { policy, total, regressions, seconds } = score
  return `<tr class="${style}" data-policy="${escaped(policy)}"><th scope="row">${escaped(policy)} <small>${escaped(kind)}</small><td class="number" data-label="tasks">${Number(total.passed.toFixed(1))}/${total.total}<td class="number" data-label="pass@1">${percent(total.rate)}<td data-label="95 % interval">${intervalBar(total)} <small>${percent(total.low)} – ${percent(total.high)}</small><td class="number${regressions > 0 ? ' bad' : ''}" data-label="regressions">${regressions}<td class="number" data-label="seconds">${seconds.toFixed(1)}<td>${links}</tr>`
}

const MAX_FAILURES = 8

function failures(
  file: string,
  failed: readonly { task: TaskRecord; number: number }[],
  known: readonly string[],
): string {
  const items = failed.slice(0, MAX_FAILURES).map(({ task, number }) => {
    const note = known.includes(task.environment) ? ' <small>(known)</small>' : ''
    return `<li><a href="${file}#${taskAnchor(number)}">${escaped(task.id)}</a>${note}`
  })
  return `<details><summary>${failed.length} failed</summary><ul>${items.join('')}</ul>${failed.length > MAX_FAILURES ? `<p><a href="${file}#tasks">and ${failed.length - MAX_FAILURES} more</a></p>` : ''}</details>`
}
