import type { Logger } from '../../core/log.ts'
import type { ProcessFigures } from './protocol.ts'
import { buildQuarantine, type QueuedRun } from './quarantine.ts'
import { type Bridge, type SandboxJob, type SandboxResult, unstarted } from './sandbox.ts'
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts'
import type { SandboxRun } from './sandbox-run.ts'

export interface ProcessPool {
  run(job: SandboxJob, bridge: Bridge, signal: AbortSignal | undefined): Promise<SandboxResult>
  alive(): number
  figures(): Promise<ProcessFigures[]>
  close(): Promise<void>
}

export interface ProcessPoolOptions {
  processes: number
  log: Logger
  maxConcurrent: number
  maxIdle: number
}

const RESTART_FIRST_MS = 100
const RESTART_LAST_MS = 5_000
/** So many starts in a row that failed, with no process left: waiting runs are told instead of kept. */
const HOPELESS_STARTS = 3
/** For each that runs, how many may be there in all: most of a workflow's time goes by waiting for others. */
const HELD_PER_RUNNING = 2
/** A key stays with its process, whose isolate is warm, until that process has this many more runs than another. */
const AFFINITY_SLACK = 2

/** A fixed number of sandbox processes, the runs spread over them, the dead ones replaced. */
export function buildProcessPool(options: ProcessPoolOptions): ProcessPool {
  const { log, maxConcurrent } = options
  const slots: (SandboxProcess | undefined)[] = []
  /** Processes with a thread that cannot be stopped: they finish the runs they have. */
  const retiring = new Set<SandboxProcess>()
  const queues = buildQueues()
  const exits = new Set<() => void>()
  const exited = () => {
    for (const exit of [...exits]) exit()
  }
  const quarantine = buildQuarantine((events) => startSandboxProcess(0, log, events), exited)
  const restarts: NodeJS.Timeout[] = []
  let failedStarts = 0
  let closed = false
  let lastRun = 0

  function open(slot: number) {
    const handle = startSandboxProcess(options.maxIdle, log, {
      onReady() {
        failedStarts = 0
        dispatch()
      },
      onRoom() {
        for (const old of retiring) if (old.active() === 0) old.kill()
        dispatch()
      },
      onDoomed(reason) {
        if (slots[slot] !== handle) return
        log.warn({ reason }, 'A sandbox process is being replaced')
        retiring.add(handle)
        if (handle.active() === 0) handle.kill()
        open(slot)
      },
      onExit(wasReady, how, crashed) {
        retiring.delete(handle)
        quarantine.suspect(crashed)
        if (!closed) log.warn({ how }, 'A sandbox process ended')
        if (slots[slot] === handle) {
          slots[slot] = undefined
          if (!wasReady) failedStarts++
          if (!closed) reopen(slot)
        }
        if (failedStarts >= HOPELESS_STARTS && slots.every((each) => !each?.ready)) {
          for (const { run } of queues.takeAll())
            run.resolve(unstarted('sandbox_crashed', 'No sandbox process starts; the server log says why.'))
        }
        exited()
      },
    })
    slots[slot] = handle
  }

  function reopen(slot: number) {
    if (failedStarts === 0) return open(slot)
    const delay = Math.min(RESTART_LAST_MS, RESTART_FIRST_MS * 2 ** (failedStarts - 1))
    restarts[slot] = setTimeout(() => open(slot), delay)
  }

  const hasRoom = (each: SandboxProcess | undefined, depth: number): each is SandboxProcess =>
    each?.ready === true &&
    each.load(depth, 'running') < maxConcurrent &&
    each.load(depth) < HELD_PER_RUNNING * maxConcurrent

  function choose({ isolateKey, depth }: SandboxJob): SandboxProcess | undefined {
    let least: SandboxProcess | undefined
    for (const each of slots) {
      if (hasRoom(each, depth) && (least === undefined || each.load(depth) < least.load(depth))) least = each
    }
    const home = slots[hash(isolateKey) % slots.length]
    const stays =
      least !== undefined && hasRoom(home, depth) && home.load(depth) < least.load(depth) + AFFINITY_SLACK
    return stays ? home : least
  }

  function dispatch() {
    for (const queue of queues.all()) {
      for (;;) {
        const [next] = queue
        const process = next === undefined ? undefined : choose(next.run.job)
        if (next === undefined || process === undefined) break
        queue.shift()
        next.placed(process)
        process.start(next.run)
      }
    }
  }

  for (let slot = 0; slot < options.processes; slot++) open(slot)

  return {
    run(job, bridge, signal) {
      if (closed) return Promise.resolve(unstarted('cancelled', 'The sandbox is closed.'))
      return new Promise((resolve) => {
        let place: SandboxProcess | undefined
        const cancel = () => {
          if (place !== undefined) return place.cancel(run)
          queues.remove(run)
          quarantine.remove(run)
          run.resolve(unstarted('cancelled', 'The execution was cancelled before it started.'))
        }
        const run: SandboxRun = {
          id: ++lastRun,
          job,
          bridge,
          calls: new AbortController(),
          startedAt: 0,
          waiting: 0,
          parked: 0,
          onWaiting: () => {},
          onStill: [],
          resolve(result) {
            signal?.removeEventListener('abort', cancel)
            resolve(result)
          },
        }
        signal?.addEventListener('abort', cancel, { once: true })
        const entry: QueuedRun = {
          run,
          placed(process) {
            place = process
          },
        }
        if (quarantine.holds(job.isolateKey)) return quarantine.add(entry)
        queues.add(entry)
        dispatch()
      })
    },

    alive: () =>
      slots.filter((each) => each !== undefined).length + retiring.size + quarantine.processes().length,

    async figures() {
      const handles = [...slots, ...retiring, ...quarantine.processes()]
      const all = await Promise.all(handles.map((each) => each?.figures()))
      return all.filter((each) => each !== undefined)
    },

    async close() {
      if (closed) return
      closed = true
      for (const restart of restarts) clearTimeout(restart)
      for (const { run } of queues.takeAll()) run.resolve(unstarted('cancelled', 'The sandbox is closed.'))
      const handles = [...slots, ...retiring].filter((each) => each !== undefined)
      for (const handle of handles) handle.kill()
      quarantine.close()
      await new Promise<void>((resolve) => {
        const check = () => {
          const left = [...slots, ...retiring, ...quarantine.processes()]
          if (left.every((each) => each === undefined)) resolve()
        }
        exits.add(check)
        check()
      })
    },
  }
}

/** Runs that wait for a process, by depth: those of one do not stand in the way of another's. */
function buildQueues() {
  const queues = new Map<number, QueuedRun[]>()
  return {
    all: () => queues.values(),
    add(entry: QueuedRun) {
      const { depth } = entry.run.job
      const queue = queues.get(depth)
      if (queue === undefined) queues.set(depth, [entry])
      else queue.push(entry)
    },
    remove(run: SandboxRun) {
      const queue = queues.get(run.job.depth) ?? []
      const at = queue.findIndex((each) => each.run === run)
      if (at >= 0) queue.splice(at, 1)
    },
    takeAll: () => [...queues.values()].flatMap((queue) => queue.splice(0)),
  }
}

/** FNV-1a: spreads keys over the processes. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
