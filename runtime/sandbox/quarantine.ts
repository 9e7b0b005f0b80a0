import { type SandboxResult, unstarted } from './sandbox.ts'
import type { SandboxProcess, SandboxProcessEvents } from './sandbox-process.ts'
import type { SandboxRun } from './sandbox-run.ts'

/** A run waiting for a process, told which it gets so that it can be cancelled there. */
export interface QueuedRun {
  run: SandboxRun
  placed(process: SandboxProcess): void
}

export interface Quarantine {
  /** A process died with these keys in it: any of them may be the cause. */
  suspect(isolateKeys: string[]): void
  holds(isolateKey: string): boolean
  add(entry: QueuedRun): void
  remove(run: SandboxRun): void
  processes(): SandboxProcess[]
  close(): void
}

/** At each depth of workflows that call workflows: those who wait for one another must not wait for each other's places. */
const MAX_AT_ONCE = 4
const MAX_SUSPECTS = 1_000

/**
 * Where workflows go that may have brought a sandbox process down: each run gets a process of its own, so
 * that one workflow's crashes cannot fail the executions of others again and again. A run that ends well
 * clears its key; one that crashes again is the cause, and no retry will help it.
 */
export function buildQuarantine(
  open: (events: SandboxProcessEvents) => SandboxProcess,
  onExit: () => void,
): Quarantine {
  const suspects = new Set<string>()
  const queue: QueuedRun[] = []
  /** With the depth of the run in each. */
  const live = new Map<SandboxProcess, number>()
  let closed = false

  const hasRoom = ({ run: { job } }: QueuedRun) =>
    [...live.values()].filter((depth) => depth === job.depth).length < MAX_AT_ONCE

  function next() {
    while (!closed) {
      const at = queue.findIndex(hasRoom)
      const [entry] = at < 0 ? [] : queue.splice(at, 1)
      if (entry === undefined) return
      isolate(entry)
    }
  }

  function isolate({ run, placed }: QueuedRun) {
    const { isolateKey, depth } = run.job
    let started = false
    const resolve = run.resolve
    run.resolve = (result) => {
      handle.kill()
      if (!started) return resolve(result)
      if (result.status === 'failed' && result.error.kind === 'sandbox_crashed')
        return resolve(blamed(result))
      suspects.delete(isolateKey)
      resolve(result)
    }
    const handle = open({
      onReady() {
        started = true
        placed(handle)
        handle.start(run)
      },
      onRoom() {},
      onDoomed() {},
      onExit() {
        live.delete(handle)
        if (!started)
          resolve(unstarted('sandbox_crashed', 'No sandbox process starts; the server log says why.'))
        next()
        onExit()
      },
    })
    live.set(handle, depth)
  }

  return {
    suspect(isolateKeys) {
      for (const key of isolateKeys) suspects.add(key)
      for (const key of suspects) {
        if (suspects.size <= MAX_SUSPECTS) break
        suspects.delete(key)
      }
    },
    holds: (isolateKey) => suspects.has(isolateKey),
    add(entry) {
      queue.push(entry)
      next()
    },
    remove(run) {
      const at = queue.findIndex((each) => each.run === run)
      if (at >= 0) queue.splice(at, 1)
    },
    processes: () => [...live.keys()],
    close() {
      closed = true
      for (const { run } of queue.splice(0)) run.resolve(unstarted('cancelled', 'The sandbox is closed.'))
      for (const handle of live.keys()) handle.kill()
    },
  }
}

function blamed(result: SandboxResult): SandboxResult {
  if (result.status === 'completed') return result
  const message =
    'The workflow brought its sandbox process down while it ran alone, and earlier too. It asks for more in one step than the engine can give: a huge array or string, for example.'
  return {
    ...result,
    error: { ...result.error, message, stack: `SandboxCrashed: ${message}`, retryable: false },
  }
}
