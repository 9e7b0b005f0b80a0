/** `node tests/wire/row.ts <name> <share>`: one description checked, as one line of JSON. */
import { importSpec } from '../../runtime/connectors/import/import-spec.ts'
import { excuseFor } from './excused-postman.ts'
import { specifications } from './specifications.ts'

const [, , name = '', share = '1'] = process.argv
const specification = specifications().find((candidate) => candidate.name === name)
if (specification === undefined) throw new Error(`No specification '${name}'.`)

const idleMb = process.memoryUsage().rss / 1e6
const startedAt = performance.now()
const { report } = await importSpec(specification.source())
const seconds = (performance.now() - startedAt) / 1000
const peakMb = process.resourceUsage().maxRSS / 1000 - idleMb
const row = {
  name,
  operations: report.operations,
  actions: report.imported,
  approximated: new Set(report.approximated.map(({ action }) => action)).size,
  refused: report.skipped.map(({ method, path, reason }) => `${method} ${path}: ${reason}`),
  seconds,
  peakMb,
}
process.stdout.write(`${JSON.stringify(row)}\n`)
// Only now: what the checks load would hide the memory that the import takes.
const { checkSpecification } = await import('./check-specification.ts')
const { checked, requests, unsampled, problems } = await checkSpecification(specification, {
  share: Number(share),
})
const excused = new Map<string, Set<string>>()
const open = problems.filter((problem) => {
  const reason = excuseFor(name, problem)
  if (reason !== undefined) excused.set(reason, (excused.get(reason) ?? new Set()).add(problem.action))
  return reason === undefined
})
const wire = {
  checked,
  requests,
  unsampled: unsampled.length,
  excused: [...excused].map(([reason, actions]) => ({ reason, actions: actions.size })),
  open: open.map(({ operation, where, message }) => `${operation}: ${where}: ${message}`),
}
process.stdout.write(`${JSON.stringify(wire)}\n`)
