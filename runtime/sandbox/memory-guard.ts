import type { Execution } from './execution.ts'
import type { FromWorker } from './protocol.ts'

/** Looked at every so many checks of the executions' CPU time. */
const EVERY = 5
/** The process itself, and what V8 holds on to between collections. */
const BASE_BYTES = 512 * 1024 * 1024
/** Each idle isolate it keeps, beside its heap. */
const IDLE_ISOLATE_BYTES = 8 * 1024 * 1024
/** V8 lets a heap overshoot its limit until the next collection. */
const PER_LIMIT = 2

/**
 * Watches the memory of the whole sandbox process. The isolates' own limits count JavaScript objects and array
 * buffers; what the engine allocates beside them on a workflow's behalf (formatters of Intl, the text of a
 * normalization, code being parsed) is counted by nobody, and a loop over it would take the machine's memory.
 *
 * Past the sum of what the executions may use, the only one that is running is ended, and the process takes no new
 * ones. When several are running, nothing tells which it is: the process ends, and each of them runs again alone
 * (see quarantine.ts).
 *
 * @returns what to call at each check
 */
export function buildMemoryGuard(
  executions: Map<number, Execution>,
  post: (message: FromWorker) => void,
  idleIsolates: () => number,
  rss: () => number = process.memoryUsage.rss,
  giveUp: () => void = () => process.kill(process.pid, 'SIGKILL'),
): () => void {
  let checks = 0
  let base = BASE_BYTES
  return () => {
    if (++checks % EVERY !== 0) return
    let allowed = base + idleIsolates() * IDLE_ISOLATE_BYTES
    const running: Execution[] = []
    for (const execution of executions.values()) {
      allowed += execution.memoryBytes * PER_LIMIT
      if (execution.running()) running.push(execution)
    }
    const used = rss()
    if (used <= allowed) return
    if (running.length > 1) return giveUp()
    running[0]?.exceedMemory()
    // What was allocated may stay with the process: nothing new starts here, what waits may end.
    base = used
    post({ type: 'doomed', reason: `its memory grew to ${Math.round(used / 1024 / 1024)} MB` })
  }
}
