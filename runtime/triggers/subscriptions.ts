import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '../../core/actor.ts'
import { type AppError, conflict, toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { claimDueSubscriptions, type DueSubscription, setUpkeep } from '../../db/app-subscriptions.ts'
import { insertAudit } from '../../db/audit.ts'
import { findConnector } from '../../db/connectors.ts'
import type { Database, Tx } from '../../db/database.ts'
import { getTrigger } from '../../db/triggers.ts'
import type { Connections } from '../connections/connections.ts'
import { headOf } from '../connections/definitions.ts'
import type { EventSubscription } from '../connectors/event-subscription.ts'
import { every } from '../queue/every.ts'
import type { Vault } from '../vault/vault.ts'
import { renewAtApp } from './renew.ts'
import { subscribeAtApp } from './subscribe.ts'
import type { Subscribed } from './subscribed.ts'
import { type AppCaller, noteFailure } from './subscription-upkeep.ts'
import { WebhookConfig } from './webhook-config.ts'

const LOOK_EVERY_MS = 5_000
/** Longer than an attempt may take: a process that dies with it holds it up this long. */
const LEASE_MS = 60_000
const AT_ONCE = 8
const PER_ORGANIZATION = 3

export interface Subscriptions {
  /**
   * One look at what is due. Gives the number of subscriptions it tried.
   * @param now the database's clock when left out
   */
  look(now?: Date): Promise<number>
  /** Looks every few seconds until stopped. */
  start(): void
  stop(): Promise<void>
}

/**
 * Looks after what webhooks have at apps: settles subscriptions whose answer was lost, renews those that expire, takes back
 * those that were replaced. Every process may; whoever claims one has it alone. No transaction is open while an app is asked.
 */
export function buildSubscriptions(deps: {
  db: Database
  vault: Vault
  connections: Connections
  /** Where this server is reached, if that was configured: a process that only works does not know it otherwise. */
  publicUrl: string | undefined
  log: Logger
}): Subscriptions {
  const { db, log } = deps

  const attempt = async (due: DueSubscription, now: () => number, signal: AbortSignal): Promise<void> => {
    const { trigger_id: id, organization_id: organizationId } = due
    const scope = { organizationId, customerIds: null }
    try {
      const found = await db.read(scope, (tx) => read(tx, id))
      if (found === undefined) return
      const { subscription, event } = found
      const settles = subscription.id === null
      const publicUrl = deps.publicUrl ?? subscription.publicUrl
      const caller: AppCaller = {
        ...{ scope, connections: deps.connections, vault: deps.vault, publicUrl },
        ...{ transaction: (fn) => db.tenant(scope, fn), signal, now, attended: false },
        audit: async (tx, trigger, error) => {
          await insertAudit(tx, [
            auditRecord(settles ? 'settle_subscription' : 'renew_subscription', due, trigger, error),
          ])
        },
      }
      if (subscription.endedAt !== null) {
        const owner = { triggerId: id, organizationId, customerId: due.customer_id }
        await caller.transaction((tx) => setUpkeep(tx, owner, { dueAt: null }))
        return
      }
      const problem = 'problem' in event ? event.problem : publicUrl === null ? NO_ADDRESS : undefined
      if ('problem' in event || problem !== undefined) {
        const cause = conflict(problem ?? '', { where: 'event', data: { final: true } })
        await caller.transaction((tx) => noteFailure(tx, caller, id, cause, subscription.askedUntil))
        throw cause
      }
      const done = settles
        ? await subscribeAtApp(caller, id, event, { alone: false }).then(() => 'settled')
        : await renewAtApp(caller, id, event)
      if (done !== 'nothing') log.info({ trigger: id, done }, 'the subscription at an app was looked after')
    } catch (cause) {
      const error = toAppError(cause)
      if (error.code === 'internal')
        log.error({ trigger: id, err: error.cause }, 'a subscription was not tried')
      else log.warn({ trigger: id, err: error.message }, 'a subscription could not be looked after')
    }
  }

  const look = async (at: Date | undefined, stopped?: AbortSignal): Promise<number> => {
    const signal = stopped ?? new AbortController().signal
    const now = at === undefined ? () => db.now() : () => at.getTime()
    let tried = 0
    while (!signal.aborted) {
      const limits = { limit: AT_ONCE, perOrganization: PER_ORGANIZATION, leaseMs: LEASE_MS, now: at }
      const due = await claimDueSubscriptions(db, limits)
      await Promise.all(due.map((one) => attempt(one, now, signal)))
      tried += due.length
      if (due.length === 0) break
    }
    return tried
  }

  let stop: (() => Promise<void>) | undefined
  return {
    look: (now) => look(now),
    start: () => {
      stop = every(LOOK_EVERY_MS, (stopped) => look(undefined, stopped), log, 'subscriptions')
    },
    stop: async () => stop?.(),
  }
}

const NO_ADDRESS = 'The address of this server is not known: set PATCHBAY_PUBLIC_URL.'

interface Found {
  subscription: Subscribed
  /** How the event is subscribed to as it is defined now; else why it cannot be. */
  event: EventSubscription | { problem: string }
}

async function read(tx: Tx, id: string): Promise<Found | undefined> {
  const row = await getTrigger(tx, id)
  if (row === undefined) return undefined
  const { subscription, verification } = WebhookConfig.parse(row.config)
  if (subscription === null) return undefined
  const { connector, event: slug } = subscription
  const found = await findConnector(tx, connector)
  const event = found === undefined ? undefined : headOf(found).events.find((one) => one.slug === slug)
  if (event?.subscription === undefined)
    return { subscription, event: { problem: `${connector} no longer says how '${slug}' is subscribed to.` } }
  const same = isDeepStrictEqual(event.webhookVerification, verification)
  return {
    subscription,
    event: same
      ? event.subscription
      : { problem: `The app may sign as '${slug}' was defined when ${id} was made, and not as it is now.` },
  }
}

const auditRecord = (
  action: string,
  { organization_id, customer_id }: DueSubscription,
  resource: string,
  error?: AppError,
) => ({
  actor: upkeepActor(organization_id, customer_id),
  entry: {
    action,
    resource,
    outcome: error === undefined ? ('success' as const) : ('failure' as const),
    errorCode: error?.code ?? null,
    detail: error === undefined ? {} : { message: error.message },
  },
})

/** Who the audit log says did it. */
const upkeepActor = (organizationId: string, customerId: string | null): Actor => ({
  kind: 'system',
  id: 'subscriptions',
  name: 'Upkeep of subscriptions',
  organizationId,
  role: 'end_user',
  permissions: new Set(),
  customerIds: customerId === null ? null : [customerId],
  mode: 'live',
  ratePerMinute: null,
  door: 'runtime',
})
