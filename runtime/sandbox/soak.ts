import { readdirSync, readFileSync } from 'node:fs'
import type { ProcessFigures } from './protocol.ts'
import { buildSandbox, type Sandbox, type SandboxJob } from './sandbox.ts'
import { echoBridge, jobFor, silentLog, workflow } from './testing.ts'

/** Many executions of many kinds through one sandbox, and what its process holds meanwhile. */
export interface SoakFigures extends ProcessFigures {
  /** Share of the executions that were done. */
  at: number
  threads: number
  files: number
  /** Regions of memory: each isolate maps some. */
  mappings: number
}

/** Most executions find a warm isolate; one in so many is of a customer seldom seen, whose isolate comes and goes. */
const RARE = 40
const IN_FLIGHT = 8

const kinds: { share: number; body: string; limits?: Partial<SandboxJob['limits']>; cancel?: true }[] = [
  { share: 700, body: 'return ctx.input.n + 1' },
  {
    share: 120,
    body: 'await ctx.state.set("k", ctx.input.n); return ctx.connectors.slack.post({ n: ctx.input.n })',
  },
  {
    share: 60,
    body: 'console.log("x".repeat(200), { n: ctx.input.n }); throw new Error("failed as planned")',
  },
  {
    share: 40,
    body: 'return [new URL("../a?b=1", "http://c/d/").href, structuredClone({ a: [new Date()] }), crypto.randomUUID()]',
  },
  {
    share: 30,
    body: 'Promise.reject(new Error("unawaited")); ctx.state.get("k"); await ctx.state.get(1n).catch(() => 0); return 1',
  },
  {
    share: 30,
    body: 'const a = Array.from({ length: 20_000 }, (_, i) => ({ i })); globalThis.kept = a; return a.length',
  },
  { share: 10, body: 'await ctx.state.get("never")', cancel: true },
  { share: 5, body: 'await ctx.state.get("never")', limits: { timeoutMs: 30 } },
  { share: 4, body: 'for (;;);', limits: { cpuMs: 20 } },
  { share: 1, body: 'const a = []; for (;;) a.push(new Array(1e4).fill(0))', limits: { memoryMb: 16 } },
]

/** Runs `total` executions; `look` gets the figures after 1 %, 50 % and 100 % of them. */
export async function soakSandbox(
  total: number,
  look: (figures: SoakFigures) => void = () => undefined,
): Promise<SoakFigures[]> {
  const sandbox = buildSandbox({ processes: 1, log: silentLog })
  const seen: SoakFigures[] = []
  try {
    const jobs = kinds.flatMap((kind) => {
      const job = jobFor(workflow(kind.body), { limits: { memoryMb: 32, ...kind.limits } })
      return Array.from({ length: kind.share }, () => ({ job, cancel: kind.cancel }))
    })
    let next = 0
    for (const at of [0.01, 0.5, 1]) {
      const until = Math.round(total * at)
      const lane = async () => {
        while (next < until) {
          const n = next++
          // Spread over the kinds and the customers, the same each time.
          const chosen = jobs[(n * 7_919) % jobs.length]
          if (chosen === undefined) throw new Error('No kind of execution.')
          await runOnce(
            sandbox,
            {
              ...chosen.job,
              input: { n },
              isolateKey: n % RARE === 0 ? `rare ${n % 7}` : `customer ${n % 2}`,
            },
            chosen.cancel,
          )
        }
      }
      await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
      const figures = await figuresOf(sandbox, at)
      seen.push(figures)
      look(figures)
    }
    return seen
  } finally {
    await sandbox.close()
  }
}

const echo = echoBridge()

async function runOnce(sandbox: Sandbox, job: SandboxJob, cancel: boolean | undefined): Promise<void> {
  const controller = new AbortController()
  const result = await sandbox.run(
    job,
    (call, ...rest) => {
      echo.calls.length = 0
      if (cancel) queueMicrotask(() => controller.abort())
      return call.args[0] === 'never' ? new Promise(() => undefined) : echo(call, ...rest)
    },
    controller.signal,
  )
  if (result.status !== 'completed' && result.error.kind === 'sandbox_crashed')
    throw new Error(`${job.code}: ${result.error.message}`)
}

async function figuresOf(sandbox: Sandbox, at: number): Promise<SoakFigures> {
  const [figures] = await sandbox.figures()
  if (figures === undefined) throw new Error('The sandbox process is gone.')
  const of = (name: string) => `/proc/${figures.pid}/${name}`
  return {
    ...figures,
    at,
    threads: readdirSync(of('task')).length,
    files: readdirSync(of('fd')).length,
    mappings: readFileSync(of('maps'), 'utf8').split('\n').length,
  }
}
