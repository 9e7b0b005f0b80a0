import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { decideApproval, getApproval } from '../../db/approvals.ts'
import type { Database } from '../../db/database.ts'
import { type SentEvent, sendEvent } from '../../db/step-waits.ts'
import type { Admission } from './admission.ts'
import type { Executions } from './executions.ts'

interface SignalDeps {
  db: Database
  admission: Admission
}

/** Hands an event to the executions that wait for it: see `Executions.sendEvent`. */
export async function sendToWaiting(
  { db, admission }: SignalDeps,
  scope: TenantScope,
  event: SentEvent,
): Promise<string[]> {
  const received: string[] = []
  let after: string | null = ''
  while (after !== null) {
    const part: Parameters<typeof sendEvent>[1] = { ...event, after, signal: { id: newId('signal') } }
    const sent = await db.tenant(scope, (tx) => sendEvent(tx, part))
    if (sent === undefined)
      throw notFound('execution', event.executionId ?? '', 'list_executions shows the ones there are.')
    if (sent === 'ended')
      throw conflict(`The execution '${event.executionId}' has ended: nothing there waits for an event.`, {
        hint: 'get_execution shows how it ended; leave out execution to reach others that wait.',
      })
    if (sent === 'full')
      throw new AppError('limit_exceeded', `Too many events are kept for '${event.executionId}' already.`, {
        hint: 'It finds them when it waits for them with ctx.wait.event.',
      })
    await admission.enqueue(sent.woken)
    received.push(...sent.received)
    after = sent.next
  }
  return received
}

/** Decides an approval that an execution waits for: see `Executions.decide`. */
export async function decideWaiting(
  { db, admission }: SignalDeps,
  ...[scope, approvalId, decision]: Parameters<Executions['decide']>
): Promise<void> {
  const woken = await db.tenant(scope, async (tx) => {
    const approval = await getApproval(tx, approvalId)
    if (approval === undefined) throw notFound('approval', approvalId, 'list_approvals shows them.')
    const decided = approval.status === 'pending' ? await decideApproval(tx, approval, decision) : undefined
    if (decided !== undefined) return decided
    throw conflict(
      `The approval '${approvalId}' is ${approval.status === 'pending' ? 'expired' : approval.status}: it cannot be decided any more.`,
      { hint: 'get_execution shows what became of its execution.' },
    )
  })
  await admission.enqueue(woken)
}
