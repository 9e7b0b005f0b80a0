/**
 * `npm run test:faults`: a server, workers, sandboxes, Postgres and Redis under load, struck at random by seed.
 *   npm run test:faults                                      50 rounds on Postgres, 50 on Postgres and Redis
 *   npm run test:faults -- --on redis --rounds 10 --seed 7   as a failed run says it was
 */
import { parseArgs } from 'node:util'
import type { Backend } from './cluster.ts'
import { report, runFaults } from './run-faults.ts'

const { values } = parseArgs({
  options: {
    on: { type: 'string', default: 'postgres,redis' },
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    rate: { type: 'string', default: '4' },
  },
})
const isBackend = (name: string): name is Backend => name === 'postgres' || name === 'redis'
const backends = values.on.split(',').filter(isBackend)
if (backends.length === 0) throw new Error("--on takes 'postgres', 'redis' or both, with a comma")

let well = true
for (const backend of backends) {
  const options = {
    backend,
    seed: Number(values.seed),
    rounds: Number(values.rounds),
    perSecond: Number(values.rate),
    gap: 3,
    patience: 22,
    say: (text: string) => console.log(text),
  }
  console.log(`\n${backend}: seed ${options.seed}`)
  const verdict = report(options, await runFaults(options))
  console.log(`\n${verdict.text}`)
  well &&= verdict.well
}
process.exit(well ? 0 : 1)
