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
  const live = new Set<SandboxProcess>()
  let closed = false

  function next() {
    while (!closed && queue.length > 0 && live.size < MAX_AT_ONCE) {
      const entry = queue.shift()
      if (entry !== undefined) isolate(entry)
    }
  }

  function isolate({ run, placed }: QueuedRun) {
    const { isolateKey } = run.job
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
    live.add(handle)
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
    processes: () => [...live],
    close() {
      closed = true
      for (const { run } of queue.splice(0)) run.resolve(unstarted('cancelled', 'The sandbox is closed.'))
      for (const handle of live) handle.kill()
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
