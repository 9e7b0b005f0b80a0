import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pLimit from 'p-limit'
import { createTestDatabase } from './database.ts'
import { type Body, eventually } from './platform.ts'
import { OWNER_KEY } from './server-process.ts'

/** A start of a server takes seconds, on a busy machine many. */
const RUN_MS = 180_000
/** Most of the time nobody does anything: until others may take the run of a server that is gone. */
const RUNS_AT_ONCE = 4

export interface AgentServer {
  url: string
  child: ChildProcess
  /** Calls a tool as the owner; fails unless it succeeded. */
  ok(tool: string, input?: object): Promise<Body>
  stop(): Promise<void>
}

export interface KillPlan {
  /** File that exports the agents to serve besides the product's, as a URL; left out: none. */
  module?: string
  agent: string
  input: object
  approval?: 'auto' | 'manual'
  /** Answers to the run's questions, by their point; of one that is asked again and again, by its text. */
  answers?: Record<string, Record<string, unknown> | ((question: string) => object)>
  /** Made before the run in each fresh server: connectors, customers, upstreams. */
  prepare?: (server: AgentServer) => Promise<void>
  /** What the run has changed, to be the same whatever was killed; read when the run has ended. */
  effects: (server: AgentServer) => Promise<unknown>
  environment?: Record<string, string>
  /** Kills only at moments of this node, or of these, each of which it must come to; left out: of all. */
  node?: string | readonly string[]
}

export interface KilledRun {
  /** e.g. `entered make_left`; undefined: nothing was killed */
  at: string | undefined
  status: string
  output: unknown
  effects: unknown
}

/**
 * Runs an agent once undisturbed, and once more for each moment of that run with the server killed (SIGKILL) at that
 * moment and started again; each time on a fresh database. What came out is to be the same each time.
 * @param onlyEvery kills at every n-th moment, for long graphs; at each node once at least
 */
export async function killAtEveryNode(plan: KillPlan, onlyEvery = 1): Promise<[KilledRun, ...KilledRun[]]> {
  const undisturbed = await runOnce(plan, undefined)
  const limit = pLimit(RUNS_AT_ONCE)
  const runs = await Promise.all(
    momentsToKillAt(undisturbed.moments, plan.node, onlyEvery).map((moment) =>
      limit(() =>
        runOnce(plan, moment).then(
          ({ run }) => run,
          (cause: Error) => {
            throw new Error(`killed at '${undisturbed.moments[moment - 1]}': ${cause.message}`, { cause })
          },
        ),
      ),
    ),
  )
  return [undisturbed.run, ...runs]
}

/** Numbers of moments, from 1: every n-th, and of nodes that none of these is of, the last. */
function momentsToKillAt(moments: readonly string[], only: KillPlan['node'], onlyEvery: number): number[] {
  const nodeOf = (at: number) => moments[at]?.split(' ')[1] ?? ''
  const nodes = only === undefined ? new Set(moments.map((_, at) => nodeOf(at))) : new Set([only].flat())
  const all = [...moments.keys()].filter((at) => nodes.has(nodeOf(at)))
  const chosen = new Set(all.filter((_, place) => place % onlyEvery === 0))
  for (const node of nodes) {
    const last = all.findLast((at) => nodeOf(at) === node)
    if (last === undefined) throw new Error(`the run does not come to '${node}', so it is not killed there`)
    if (![...chosen].some((at) => nodeOf(at) === node)) chosen.add(last)
  }
  return [...chosen].toSorted((a, b) => a - b).map((at) => at + 1)
}

async function runOnce(
  plan: KillPlan,
  killAt: number | undefined,
): Promise<{ run: KilledRun; moments: string[] }> {
  // A server starts sooner on a Postgres that is there already.
  const database = await createTestDatabase()
  const file = join(database.dataDir, 'moments')
  const environment = {
    ...plan.environment,
    ...(database.databaseUrl === undefined ? {} : { DATABASE_URL: database.databaseUrl }),
    MOMENTS_FILE: file,
    ...(plan.module === undefined ? {} : { AGENTS_MODULE: plan.module }),
  }
  let server = await startAgentServer(database.dataDir, {
    ...environment,
    ...(killAt === undefined ? {} : { KILL_AT: String(killAt) }),
  })
  try {
    await plan.prepare?.(server)
    const { agent, input, approval = 'manual' } = plan
    const started = await server.ok('start_agent_run', { agent, input, approval })
    const id = String(started.run.id)
    const run = await eventually(async () => {
      if (server.child.signalCode === 'SIGKILL')
        server = await startAgentServer(database.dataDir, environment)
      // It may die of the very call.
      const seen = await server.ok('get_agent_run', { run: id, waitSeconds: 2 }).catch(() => undefined)
      if (seen?.run.status === 'waiting') {
        const { id: question, point, question: text } = seen.run.question
        const given = plan.answers?.[point]
        if (given === undefined) throw new Error(`nobody answers '${point}'`)
        const answer = typeof given === 'function' ? given(text) : given
        await server.ok('answer_agent_run', { run: id, question, answer }).catch((error: Error) => {
          if (error.message.includes('invalid_input')) throw error
        })
      }
      return ['completed', 'failed', 'canceled'].includes(seen?.run.status) ? seen?.run : undefined
    }, RUN_MS)
    const moments = readFileSync(file, 'utf8').trim().split('\n')
    const output = run.error ?? run.output
    const effects = await plan.effects(server).catch((cause: unknown) => {
      throw new Error(`the run is ${run.status} with ${JSON.stringify(output)}; its effects cannot be read`, {
        cause,
      })
    })
    return {
      run: {
        at: killAt === undefined ? undefined : moments[killAt - 1],
        status: run.status,
        output,
        effects,
      },
      moments,
    }
  } finally {
    await server.stop()
    await database.drop()
  }
}

/** A server of its own process with the agents of a module. */
export async function startAgentServer(
  dataDir: string,
  environment: Record<string, string>,
): Promise<AgentServer> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('agent-server.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH ?? '',
      PATCHBAY_PORT: '0',
      PATCHBAY_DATA_DIR: dataDir,
      PATCHBAY_LOG_LEVEL: 'error',
      PATCHBAY_API_KEY: OWNER_KEY,
      PATCHBAY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
      PATCHBAY_ALLOWED_PRIVATE_HOSTS: '127.0.0.1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += String(chunk)
      const found = /ready at (http\S+?),/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
    // It may be killed in the moment it starts again with work to do.
    child.once('exit', (code, signal) =>
      reject(new Error(`the server ended with ${code ?? signal}: ${text}`)),
    )
  })
  return {
    url,
    child,
    ok: async (tool, input = {}) => {
      const response = await fetch(`${url}/api/v1/tools/${tool}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(input),
      })
      const body = (await response.json()) as Body
      if (!response.ok) throw new Error(`${tool}: ${JSON.stringify(body)}`)
      return body
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
