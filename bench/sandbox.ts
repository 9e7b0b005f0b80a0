import { createContext, Script } from 'node:vm'
import { prepareWorkflow } from '../runtime/sandbox/prepare.ts'
import { buildSandbox, type SandboxJob } from '../runtime/sandbox/sandbox.ts'
import { silentLog } from '../runtime/sandbox/testing.ts'
import { closedLoop, type Figures } from './measure.ts'

const RUNS = 1_500
const ROUNDS = 5
const source =
  'export default async (ctx) => ({ total: ctx.input.items.reduce((sum, n) => sum + n, 0), id: ctx.execution.id })'
const input = { items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }

const job: SandboxJob = {
  depth: 0,
  isolateKey: 'bench',
  code: prepareWorkflow(source).code,
  filename: 'bench.js',
  input,
  headers: {},
  context: {
    execution: { id: 'exec_bench', attempt: 1 },
    workflow: { id: 'wf_bench', slug: 'bench', version: 1 },
    customer: null,
    environment: 'dev',
    trigger: null,
  },
  connectors: [],
  limits: {
    timeoutMs: 5000,
    cpuMs: 5000,
    memoryMb: 128,
    maxLogLines: 100,
    maxLogBytes: 10_000,
    maxOutputBytes: 100_000,
  },
}

/**
 * One warm workflow at a time: in the sandbox, as a plain function, and in a fresh context of `node:vm` (which
 * isolates nothing, and is what people reach for). The three in turn, so that a machine whose speed drifts favours none.
 */
export async function benchSandbox(row: (name: string, figures: Figures) => void): Promise<void> {
  console.log(
    '\nOne warm sandboxed workflow, one at a time, against the plain function and a fresh node:vm context',
  )
  const sandbox = buildSandbox({ processes: 1, log: silentLog })
  const plain = async (ctx: { input: typeof input; execution: { id: string } }) => ({
    total: ctx.input.items.reduce((sum, n) => sum + n, 0),
    id: ctx.execution.id,
  })
  const script = new Script(`(${source.replace('export default ', '')})(ctx)`)
  const ways: [string, () => Promise<unknown>][] = [
    ['sandboxed', () => sandbox.run(job, async () => null)],
    ['plain function', () => plain({ input, execution: { id: 'exec_bench' } })],
    [
      'fresh node:vm context',
      async () => script.runInContext(createContext({ ctx: { input, execution: { id: 'exec_bench' } } })),
    ],
  ]
  const rounds: Figures[][] = ways.map(() => [])
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, [, work]] of ways.entries()) {
      const figures = await closedLoop(RUNS, 1, work)
      if (round > 0) rounds[at]?.push(figures) // the first one warms up
    }
  }
  await sandbox.close()
  const [ours, bare, vm] = rounds.map(
    (each) => each.toSorted((a, b) => a.p50Ms - b.p50Ms)[ROUNDS >> 1] as Figures,
  )
  if (ours === undefined || bare === undefined || vm === undefined) return
  row('sandboxed', ours)
  row('plain function', bare)
  row('fresh node:vm context', vm)
  console.log(
    `  adds ${(ours.p50Ms - bare.p50Ms).toFixed(2)} ms at p50 (aim < 1 ms); ${(ours.p50Ms / vm.p50Ms).toFixed(2)} times a fresh node:vm context`,
  )
}
