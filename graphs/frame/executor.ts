import { toErrorBody } from '../../core/errors.ts'
import {
  type AgentRunRow,
  addAgentRunEvents,
  beatAgentRuns,
  claimAgentRuns,
  concludeAgentRun,
  lockAgentRun,
  runsOfEndedKeys,
} from '../../db/agent-runs.ts'
import { every } from '../../runtime/queue/every.ts'
import { keyEnded } from './actor.ts'
import { ClaimLost, type Stop } from './claim.ts'
import { type ClaimDeps, runClaim } from './run-claim.ts'

const LOOK_EVERY_MS = 1_000
const BEAT_EVERY_MS = 3_000
/** As for executions: how long a process may be silent before its runs are taken for lost. */
const SILENT_MS = 15_000
/** How long a process goes on by itself when the database does not say that it still has a run. */
const LEASE_MS = 10_000
const DRAIN_MS = 5_000

export interface Executor {
  start(): Promise<void>
  /** There may be something to do: a run came, or one it holds was changed. */
  look(): void
  /** A key was revoked. */
  checkKeys(): Promise<void>
  stop(): Promise<void>
}

interface Held {
  claim: number
  stopping: AbortController
  done: Promise<void>
  /** When the database last said that the run is this process's, by a clock that does not jump. */
  confirmedAt: number
  workedUntil: number
}

/** Claims runs that are due while this process has room, and works on them. */
export function buildExecutor(
  deps: ClaimDeps & { worker: string; concurrency: number; perOrganization: number },
): Executor {
  const { db, log, worker } = deps
  const held = new Map<string, Held>()
  const timers: (() => Promise<void>)[] = []
  let working = false
  let looking: Promise<void> | undefined
  let again = false

  const take = (run: AgentRunRow) => {
    const stopping = new AbortController()
    const done = runClaim(deps, run, stopping)
      .catch((error: unknown) => {
        if (error instanceof ClaimLost) log.warn({ run: run.id }, 'an agent run went to another process')
        else log.error({ run: run.id, err: error }, 'an agent run was not concluded; it is claimed again')
      })
      .finally(() => {
        held.delete(run.id)
        look()
      })
    const now = performance.now()
    held.set(run.id, { claim: run.claim, stopping, done, confirmedAt: now, workedUntil: now })
  }

  const claimDue = async (silentMs = SILENT_MS) => {
    const limit = deps.concurrency - held.size
    if (!working || limit <= 0) return
    const claimed = await claimAgentRuns(db, {
      worker,
      limit,
      perOrganization: deps.perOrganization,
      silentMs,
    })
    for (const run of claimed) take(run)
  }
  const look = () => {
    if (!working) return
    if (looking !== undefined) {
      again = true
      return
    }
    looking = claimDue()
      .then(() => (held.size > 0 ? beat() : undefined))
      .catch((error: Error) =>
        log.warn({ err: error.message }, 'agent runs were not looked for; they are again'),
      )
      .finally(() => {
        looking = undefined
        if (again) {
          again = false
          look()
        }
      })
  }

  const beat = async () => {
    const now = performance.now()
    const mine = [...held]
    if (mine.length === 0) return
    for (const [, run] of mine)
      if (now - run.confirmedAt > LEASE_MS) run.stopping.abort('lost' satisfies Stop)
    const rows = await beatAgentRuns(
      db,
      mine.map(([id, run]) => ({ id, claim: run.claim, ms: Math.round(now - run.workedUntil) })),
    )
    for (const [id, run] of mine) {
      const row = rows.find((one) => one.id === id)
      if (row === undefined) {
        if (held.get(id) === run) run.stopping.abort('lost' satisfies Stop)
        continue
      }
      run.confirmedAt = now
      run.workedUntil = now
      if (row.cancel_requested) run.stopping.abort('canceled' satisfies Stop)
    }
  }

  const checkKeys = async () => {
    for (const { id, organization_id } of await runsOfEndedKeys(db)) {
      const mine = held.get(id)
      if (mine !== undefined) {
        mine.stopping.abort(keyEnded())
        continue
      }
      await db.tenant({ organizationId: organization_id, customerIds: null }, async (tx) => {
        const row = await lockAgentRun(tx, id)
        if (row?.status !== 'queued' && row?.status !== 'waiting') return
        const error = toErrorBody(keyEnded())
        await addAgentRunEvents(tx, id, [
          { type: 'status', data: { status: 'failed', error: { ...error } as never } },
        ])
        await concludeAgentRun(tx, id, { status: 'failed', error })
      })
    }
  }

  return {
    start: async () => {
      working = true
      // Nobody else can be working on the embedded database: what is held there was held by a process that died.
      await claimDue(db.solo ? 0 : undefined)
      timers.push(
        every(LOOK_EVERY_MS, async () => look(), log, 'agent runs'),
        every(BEAT_EVERY_MS, beat, log, 'agent heartbeat'),
        every(BEAT_EVERY_MS, checkKeys, log, 'keys of agent runs'),
      )
    },
    look,
    checkKeys,
    stop: async () => {
      working = false
      await Promise.all(timers.map((end) => end()))
      await looking
      for (const run of held.values()) run.stopping.abort('draining' satisfies Stop)
      const late = new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())
      await Promise.race([Promise.all([...held.values()].map(({ done }) => done)), late])
    },
  }
}
