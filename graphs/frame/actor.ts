import type { Actor, TenantScope } from '../../core/actor.ts'
import { AppError, invalidInput } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { AgentRunRow, RunActor } from '../../db/agent-runs.ts'
import { getApiKey } from '../../db/api-keys.ts'
import type { Database } from '../../db/database.ts'
import { actorOf } from '../../runtime/access/api-keys.ts'

/** The rows a run may see: its actor's. */
export const scopeOfRun = (run: Pick<AgentRunRow, 'organization_id' | 'customer_id'>): TenantScope => ({
  organizationId: run.organization_id,
  customerIds: run.customer_id === null ? null : [run.customer_id],
})

/** The actor as kept with a run, and the customer the run belongs to. */
export function keepActor(actor: Actor): { actor: RunActor; customerId: string | null } {
  const { kind, id, name, role, permissions, customerIds, mode, ratePerMinute } = actor
  if (kind === 'connect_link') throw invalidInput('A connect link starts no agents.')
  if (customerIds !== null && customerIds.length !== 1) {
    throw invalidInput('This key reaches several customers, and a run belongs to one or to all.', {
      hint: 'Use a key limited to one customer, or one that reaches all.',
    })
  }
  const kept = {
    kind,
    id,
    name,
    role,
    permissions: [...permissions],
    customerIds: customerIds === null ? null : [...customerIds],
    mode,
    ratePerMinute,
  }
  return { actor: kept, customerId: customerIds?.[0] ?? null }
}

const categoryOf = (permission: Permission): string => permission.split('.')[0] ?? permission

/**
 * An answer, or going back, makes a run act with what its starter may do: who has less than that does not give one.
 * Counted is what the run's actor may do in the categories of permissions its tools are of; a test key never steers what
 * a live key started.
 * @param needed permissions of the tools the run may call
 * @throws AppError `forbidden` naming what is missing
 */
export function requireSteering(
  actor: Actor,
  run: AgentRunRow,
  needed: readonly (Permission | null)[],
): void {
  const { actor: starter } = run
  if (actor.kind === starter.kind && actor.id === starter.id) return
  if (starter.mode === 'live' && actor.mode === 'test')
    throw forbiddenToSteer('A test key does not steer a run that a live key started.')
  const categories = new Set(needed.flatMap((one) => (one === null ? [] : [categoryOf(one)])))
  const missing = starter.permissions.filter(
    (one) => categories.has(categoryOf(one)) && !actor.permissions.has(one),
  )
  if (missing.length === 0) return
  throw forbiddenToSteer(
    `The run acts for ${starter.name}, with permissions this key has not: ${missing.join(', ')}.`,
    missing,
  )
}

const forbiddenToSteer = (message: string, permissions: readonly Permission[] = []): AppError =>
  new AppError('forbidden', message, {
    hint: 'Use the key that started the run, or one that may do as much; or start a run of your own.',
    ...(permissions.length === 0 ? {} : { data: { permissions: [...permissions] } }),
  })

/** @returns why a run of a key that is no longer good stops */
export const keyEnded = (): AppError =>
  new AppError('unauthenticated', 'The API key that started this run was revoked or has expired.', {
    hint: 'Start the run anew with a valid key.',
  })

/** The actor of a run as it was when it started it. */
export const keptActor = ({ actor, organization_id }: AgentRunRow): Actor => ({
  ...actor,
  organizationId: organization_id,
  permissions: new Set(actor.permissions),
  door: 'agent',
})

/**
 * The actor of a run as it is now: what its key may do today, and no more than it might when it started the run.
 * @throws AppError `unauthenticated` when the key was revoked or has expired
 */
export async function actorOfRun(db: Database, run: AgentRunRow): Promise<Actor> {
  const { actor } = run
  const kept = keptActor(run)
  if (actor.kind !== 'api_key') return kept
  const key = await db.read({ organizationId: run.organization_id, customerIds: null }, (tx) =>
    getApiKey(tx, actor.id),
  )
  if (
    key === undefined ||
    key.revoked_at !== null ||
    (key.expires_at !== null && key.expires_at <= new Date())
  )
    throw keyEnded()
  const now = actorOf(key, 'agent')
  return { ...now, permissions: new Set([...now.permissions].filter((one) => kept.permissions.has(one))) }
}
