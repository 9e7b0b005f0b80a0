import { type Backend, startCluster } from './cluster.ts'
import { listFaults } from './faults.ts'
import { startLedger } from './ledger.ts'
import { buildRandom } from './random.ts'
import { type Figures, noteRecorded, reachVerdict } from './verdict.ts'
import { installWorkload } from './workload.ts'

export interface FaultRun {
  backend: Backend
  /** The same seed strikes the same blows at the same moments. */
  seed: number
  rounds: number
  perSecond: number
  /** Seconds between blows, at most. */
  gap: number
  /** Seconds the longest silence lasts; see {@link listFaults}. */
  patience: number
  /** Told of each blow. */
  say: (text: string) => void
}

/** Orders come in steadily while a blow falls in each round; gives what came of them. */
export async function runFaults(options: FaultRun): Promise<Figures> {
  const { seed, rounds, say } = options
  const random = buildRandom(seed)
  const ledger = await startLedger(buildRandom(seed + 1))
  const cluster = await startCluster(options.backend)
  const interrupted = () => {
    void cluster.close().finally(() => process.exit(1)) // nothing that was started here is left behind
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
  try {
    if (cluster.disk === undefined) say('(the disk is not filled: no small one can be mounted here)')
    if (cluster.setClock === undefined)
      say('(no clock jumps: libfaketime is not installed, and Node has no clock to set)')
    const workload = await installWorkload(cluster.url, ledger)
    await noteRecorded(cluster.databaseUrl)
    const faults = listFaults(cluster, ledger, random, options.patience)
    workload.start(options.perSecond)
    const startedAt = performance.now()
    for (let round = 1; round <= rounds; round += 1) {
      await new Promise((next) => setTimeout(next, random.next() * options.gap * 1000))
      const fault = random.pick(faults)()
      const at = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)
      say(`${at} s  ${String(round).padStart(3)}  ${fault.name}`)
      await fault.strike()
    }
    await new Promise((next) => setTimeout(next, 1_000))
    await workload.finish()
    say(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s       no more orders`)
    return await reachVerdict(cluster.databaseUrl, workload, ledger, say)
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted)
    await cluster.close()
    await ledger.close()
  }
}

/** The figures as text, and whether all is well. */
export function report(options: FaultRun, figures: Figures): { text: string; well: boolean } {
  const { wrong } = figures
  const failures = Object.entries(figures.failed)
  const rows: [string, number][] = [
    ['accepted', figures.accepted],
    ['completed', figures.completed],
    ['failed with a reason', failures.reduce((sum, [, n]) => sum + n, 0)],
    ...failures.map(([reason, n]) => [`  ${reason}`, n] satisfies [string, number]),
    ['lost (must be 0)', wrong.lost],
    ['started twice (must be 0)', wrong.startedTwice],
    ['deliveries sent again', figures.deliveriesRepeated],
    ['runs, children included', figures.runs],
    ['effects', figures.effects],
    ['effects done twice (must be 0)', wrong.effectsTwice],
    ['effects missing (must be 0)', wrong.effectsMissing],
    ['recorded calls made again (must be 0)', wrong.recordedRunAgain],
    ['outputs wrong (must be 0)', wrong.outputsWrong],
    ['requests repeated, same key', figures.requestsRepeated],
    ['requests repeated, without a key', figures.unkeyedRepeated],
  ]
  const lines = [
    `${options.backend === 'redis' ? 'Postgres and Redis' : 'Postgres'}, ${options.rounds} rounds, seed ${options.seed}`,
    ...rows.map(([name, n]) => `  ${name.padEnd(40)} ${String(n).padStart(7)}`),
    ...figures.notes.map((text) => `  ! ${text}`),
  ]
  return { text: lines.join('\n'), well: Object.values(wrong).every((n) => n === 0) }
}
