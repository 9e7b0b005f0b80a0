import type { TenantScope } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { findChild } from '../../db/child-executions.ts'
import type { Database } from '../../db/database.ts'
import { type ExecutionRow, getExecution } from '../../db/executions.ts'
import type { FinishedRun } from '../../db/finished-runs.ts'
import { scopeOfRun } from './bridge.ts'
import { type ChildAnswer, childFailure } from './durable-bridge.ts'
import type { Executions } from './executions.ts'
import { concludeRun, lostRun } from './outcome.ts'
import { outlast } from './outlast.ts'
import { childOf } from './requests.ts'
import type { RunDeps } from './run-once.ts'
import { hasEnded } from './transitions.ts'
import type { Versions } from './versions.ts'

interface ChildDeps {
  db: Database
  versions: Versions
  start: Executions['start']
  /** Records how a run ended. */
  record(finished: FinishedRun): Promise<boolean>
  /** Stops an execution that runs in this process: it was given to another run. */
  interrupt(executionId: string): void
}

/** The workflows that workflows call and start. */
export function buildChildren(deps: ChildDeps): Pick<RunDeps['others'], 'run' | 'outcome' | 'start'> {
  const { db } = deps

  /** Runs a workflow for another, or goes on with what an interrupted run of the other had begun. */
  const runChild = async (
    parent: ExecutionRow,
    slug: string,
    input: Json,
    step: string,
    signal: AbortSignal,
    again: boolean,
  ): Promise<ChildAnswer> => {
    const scope = scopeOfRun(parent)
    const find = () => db.read(scope, (tx) => findChild(tx, parent.id, step))
    let earlier = again || parent.run > 1 || parent.attempt > 1 ? await find() : undefined
    if (earlier?.status === 'running' && earlier.run === 1) {
      await takeOver(scope, earlier.id)
      earlier = await find()
    }
    if (earlier !== undefined && !hasEnded(earlier.status)) return { waitsFor: earlier.id }
    if (earlier?.status === 'completed') return { output: earlier.output }
    const request = childOf(parent, slug, input, step)
    const child = await deps.start(
      scope,
      // What it had done stays done, and what it does again has the same idempotency keys.
      earlier === undefined ? request : { ...request, originOf: earlier.id },
      signal,
    )
    return answerOf(child)
  }

  /**
   * Ends the first run of a workflow that an earlier run of its caller called: it went with that run, or is about to,
   * and would tell nobody how it ended.
   */
  const takeOver = async (scope: TenantScope, id: string): Promise<void> => {
    deps.interrupt(id)
    const child = await db.read(scope, (tx) => getExecution(tx, id))
    if (child?.status !== 'running') return
    const lost = lostRun(`The worker '${child.worker}' lost the workflow that called this one.`)
    const alone = { inline: true, handedBack: false, random: 0 }
    await deps.record(concludeRun(child, await deps.versions(child.workflow_version_id), lost, alone))
  }

  const answerOf = (child: ExecutionRow): ChildAnswer => {
    if (child.status === 'completed') return { output: child.output }
    if (!hasEnded(child.status)) return { waitsFor: child.id }
    throw childFailure(child.id, { status: child.status, error: child.error })
  }

  return {
    run: (parent, slug, input, key, signal) =>
      outlast((again) => runChild(parent, slug, input, key, signal, again), signal),
    outcome: async (scope, id) => {
      const child = await db.read(scope, (tx) => getExecution(tx, id))
      if (child === undefined) throw notFound('execution', id)
      return answerOf(child)
    },
    start: async (parent, slug, input) => {
      const { parent: _, ...request } = childOf(parent, slug, input)
      return { executionId: (await deps.start(scopeOfRun(parent), request)).id }
    },
  }
}
