import { setFlagsFromString } from 'node:v8'
import { type Execution, startExecution } from './execution.ts'
import { buildGuestSnapshot } from './guest/snapshot.ts'
import { buildMemoryGuard } from './memory-guard.ts'
import { buildOutbox } from './outbox.ts'
import type { FromWorker, ProcessFigures, ToWorker } from './protocol.ts'
import { buildWarmIsolates } from './warm-isolates.ts'

/**
 * The sandbox process: isolates and nothing else. Started by `sandbox-process.ts` without environment, with
 * file access to its own code only, and with no way to start other processes. Imports nothing of the server
 * but types.
 */
const CHECK_MS = 20
/** Of heap, for each isolate kept: most hold less, and those that hold much are fewer. */
const IDLE_BYTES = 4 * 1024 * 1024

// A terminal sends Ctrl-C, and an init system SIGTERM, to every process of the server: what is under way here may finish.
// The server ends this process, and should it die, the lost connection does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const maxIdle = Number(process.argv[2])
const snapshot = buildGuestSnapshot()
// V8 would give every context new hash codes, a tenth of what making one costs. Those of the snapshot come from the
// random seed of this process, so they are as unknown to whoever sends colliding keys.
setFlagsFromString('--no-rehash-snapshot')
const isolates = buildWarmIsolates(snapshot, maxIdle, maxIdle * IDLE_BYTES)
const executions = new Map<number, Execution>()
const post = buildOutbox<FromWorker>((messages) => {
  process.send?.(messages)
})
const guardMemory = buildMemoryGuard(executions, post, isolates.idle)
let checks: NodeJS.Timeout | undefined

function checkAll() {
  for (const execution of executions.values()) execution.check()
  guardMemory()
  if (executions.size > 0) return
  clearInterval(checks)
  checks = undefined
}

function figures(): ProcessFigures {
  const { rss, heapUsed } = process.memoryUsage()
  return {
    pid: process.pid,
    rssBytes: rss,
    heapBytes: heapUsed,
    idleIsolates: isolates.idle(),
    executions: executions.size,
    handles: process.getActiveResourcesInfo().length,
  }
}

process.on('message', (messages: ToWorker[]) => {
  for (const message of messages) receive(message)
})

function receive(message: ToWorker) {
  switch (message.type) {
    case 'run':
      executions.set(
        message.run,
        startExecution(message, isolates, post, () => executions.delete(message.run)),
      )
      checks ??= setInterval(checkAll, CHECK_MS)
      break
    case 'reply':
      executions.get(message.run)?.reply(message.id, message)
      break
    case 'later':
      executions.get(message.run)?.later(message.id)
      break
    case 'still':
      executions.get(message.run)?.still(message.waiting)
      break
    case 'suspend':
      executions.get(message.run)?.suspend(message.waiting)
      break
    case 'cancel':
      executions.get(message.run)?.cancel()
      break
    case 'ping':
      post({ type: 'pong', figures: figures() })
      break
  }
}

// The server is gone: so is this process, whatever its threads are doing.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

post({ type: 'ready' })
