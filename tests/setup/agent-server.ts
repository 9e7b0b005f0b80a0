/**
 * A server with the agents of a module (AGENTS_MODULE: a file that exports agents), which kills itself with SIGKILL at
 * the KILL_AT-th moment of a node: it was entered; a call in it has changed something, which is not recorded yet; it was
 * left with its effects done and its result not kept.
 */
import { appendFileSync } from 'node:fs'
import { readConfig } from '../../core/config.ts'
import { buildLogger } from '../../core/log.ts'
import type { AnyAgent } from '../../graphs/frame/define-agent.ts'
import { startServer } from '../../server/start.ts'

const { AGENTS_MODULE, KILL_AT, MOMENTS_FILE, DRIFT_EVERY_MS } = process.env
const module: Record<string, unknown> = AGENTS_MODULE === undefined ? {} : await import(AGENTS_MODULE)
const agents = Object.values(module).filter(
  (value): value is AnyAgent => typeof value === 'object' && value !== null && 'graph' in value,
)
const killAt = KILL_AT === undefined ? Number.POSITIVE_INFINITY : Number(KILL_AT)
let moments = 0

const config = readConfig(process.env)
const server = await startServer(config, buildLogger(config.logLevel), {
  agents,
  ...(DRIFT_EVERY_MS === undefined ? {} : { driftEveryMs: Number(DRIFT_EVERY_MS) }),
  atNode: (moment, node) => {
    moments += 1
    if (MOMENTS_FILE !== undefined) appendFileSync(MOMENTS_FILE, `${moment} ${node}\n`)
    if (moments === killAt) process.kill(process.pid, 'SIGKILL')
  },
})
process.stdout.write(`ready at ${server.url}, with ${agents.length} agents\n`)
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
