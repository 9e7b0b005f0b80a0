/**
 * `npm run import-table`: writes docs/import-table.md. Each description is imported and checked in a process of its
 * own, for its memory to be told apart.
 *   npm run import-table -- 0.2     checks a fifth of the operations of each
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { specifications } from './specifications.ts'

interface Row {
  name: string
  operations: number
  actions: number
  approximated: number
  refused: string[]
  seconds: number
  peakMb: number
}
interface Wire {
  checked: number
  requests: number
  unsampled: number
  excused: { reason: string; actions: number }[]
  open: string[]
}

const TIMEOUT_MS = 600_000
const share = Number(process.argv[2] ?? 1)
const script = fileURLToPath(new URL('./row.ts', import.meta.url))

function check(name: string, part: number): Promise<[Row, Wire | undefined]> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: 50e6 }
    const args = ['--max-old-space-size=4000', script, name, String(part)]
    execFile(process.execPath, args, options, (error, stdout) => {
      const [row, wire] = stdout.trim().split('\n')
      if (row === undefined || row === '') reject(error ?? new Error(`nothing was told of ${name}`))
      else resolve([JSON.parse(row) as Row, wire === undefined ? undefined : (JSON.parse(wire) as Wire)])
    })
  })
}

const cells = (values: (string | number)[]) => `| ${values.join(' | ')} |`
const lines = [
  '# What the importer makes of real descriptions',
  '',
  'Written by `npm run import-table`; not by hand. Requests are generated from each action’s own input schema',
  '(required fields only, all fields, three by chance with hard texts and edge values; the same seed each time), built',
  'by the code that makes calls, and their bytes given to the validator of Prism (`@stoplight/prism-http`), which',
  'reads the original description by itself. **open** are complaints that are neither mended nor excused.',
  'Of a Postman collection, each saved request is also sent by Postman’s own runtime (`postman-runtime`) to a recording',
  'server, and must be what the action sends when it is called with the same values.',
  'A dash: not checked (it took longer than ten minutes).',
  '',
  cells([
    'description',
    'operations',
    'actions',
    'approximated',
    'refused',
    'operations checked',
    'requests',
    'excused',
    'open',
    'seconds',
    'peak MB',
  ]),
  cells(['---', ...Array<string>(10).fill('---:')]),
]
const excuses: string[] = []
const refusals: string[] = []
const opened: string[] = []
for (const { name } of specifications()) {
  const [row, wire] = await check(name, share)
  const excused = wire?.excused.reduce((sum, { actions }) => sum + actions, 0)
  lines.push(
    cells([
      name,
      row.operations,
      row.actions,
      row.approximated,
      row.refused.length,
      wire?.checked ?? '–',
      wire?.requests ?? '–',
      excused ?? '–',
      wire?.open.length ?? '–',
      row.seconds.toFixed(2),
      Math.max(0, row.peakMb).toFixed(0),
    ]),
  )
  console.log(lines.at(-1))
  excuses.push(
    ...(wire?.excused ?? []).map(({ reason, actions }) => `- ${name}, ${actions} operations: ${reason}.`),
  )
  refusals.push(...row.refused.slice(0, 20).map((text) => `- ${name}: ${text}`))
  opened.push(...(wire?.open ?? []).slice(0, 20).map((text) => `- ${name}: ${text}`))
}
for (const [title, list] of [
  ['Refused', refusals],
  ['Excused', excuses],
  ['Open', opened],
] as const)
  lines.push('', `## ${title}`, '', ...(list.length === 0 ? ['None.'] : list))
writeFileSync(fileURLToPath(new URL('../../docs/import-table.md', import.meta.url)), `${lines.join('\n')}\n`)
