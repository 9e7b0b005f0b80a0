import { LRUCache } from 'lru-cache'
import { AppError, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { isDeeperThan, type Json, type JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { isSensitiveHeader, type Secret } from '../../core/secret.ts'
import { type AcceptedEvent, acceptEvents } from '../../db/accepted-events.ts'
import type { Database } from '../../db/database.ts'
import { isBacklogFull } from '../../db/lane-upkeep.ts'
import { tooMany } from '../../db/lanes.ts'
import type { NewExecution } from '../../db/new-executions.ts'
import { findWebhook, type WebhookRouteRow } from '../../db/webhook-routes.ts'
import { type Condition, type ConditionSubject, matches } from '../conditions/condition.ts'
import type { Admission } from '../executions/admission.ts'
import type { Here } from '../executions/here.ts'
import { runLimits } from '../executions/run-limits.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { Vault } from '../vault/vault.ts'
import { type Verdict, verifyWebhook } from './verify.ts'
import {
  challengeAnswer,
  deliveryKey,
  retryPolicyOf,
  type Verification,
  WebhookConfig,
} from './webhook-config.ts'

/** How long a webhook is remembered while changes are heard of, and while they are not. */
const CACHE_MS = 30_000
const UNHEARD_CACHE_MS = 500
const BACKLOG_CHECK_MS = 2_000
const MAX_BATCH = 100
/** As deep as what workflows give back. */
const MAX_DEPTH = 200

/** What a trigger's signing secret is sealed for; see {@link Vault.seal}. */
export const triggerPurpose = (id: string) => `trigger:${id}`

export interface Delivery {
  /** Lower-case names. */
  headers: Record<string, string>
  rawBody: Buffer
}

/** The sender only asked whether the URL is right. */
export interface Answered {
  answer: JsonObject
}

export interface Accepted {
  eventId: string
  /** True when this delivery repeats an earlier one: `eventId` is that one's, and nothing runs again. */
  duplicate: boolean
  executionIds: string[]
}

export interface Ingest {
  /**
   * Takes one delivery to a webhook: verify, parse, deduplicate, route, and keep the event with its executions
   * in one transaction. When this resolves the executions will run, whatever happens to this process.
   * @throws AppError `not_found` (no such webhook, or disabled), `unauthenticated` (signature or key wrong,
   *   stale or missing), `invalid_input` (the body is not what the content type says), `unavailable`
   */
  accept(triggerId: string, delivery: Delivery): Promise<Accepted | Answered>
  /** Forgets an organization's webhooks, or all: they, their routes or what is deployed has changed. */
  forget(organizationId?: string): void
}

interface Webhook {
  row: WebhookRouteRow
  config: WebhookConfig
  secret: Secret | null
  /** The one before, which is still taken for a while. */
  previous: { secret: Secret; until: Date } | null
  routes: { target: WebhookRouteRow['routes'][number]; matches: (event: ConditionSubject) => boolean }[]
}

interface Remembered {
  loading: Promise<Webhook>
  /** Undefined while it is read: whose it is is not known yet. */
  organizationId?: string
}

export function buildIngest(deps: {
  db: Database
  vault: Vault
  admission: Admission
  storing: Here['storing']
  log: Logger
  /** Does somebody call `forget` at every change now? */
  changesHeard: () => boolean
}): Ingest {
  const { db, log } = deps
  const webhooks = new LRUCache<string, Remembered>({ max: 10_000 })

  const load = async (triggerId: string): Promise<Webhook> => {
    const row = await findWebhook(db, triggerId)
    if (row === undefined || !row.enabled)
      throw notFound('webhook', triggerId, 'Check the address; a disabled webhook takes nothing.')
    const open = (sealed: string) =>
      db.system((tx) => deps.vault.open(tx, row.organization_id, triggerPurpose(row.trigger_id), sealed))
    const { secret, previous_secret: before, previous_until: until } = row
    return {
      row,
      config: WebhookConfig.parse(row.config),
      secret: secret === null ? null : await open(secret),
      previous: before === null || until === null ? null : { secret: await open(before), until },
      routes: row.routes.map((target) => {
        const filter = target.filter as Condition | null
        return { target, matches: (event) => filter === null || matches(filter, event) }
      }),
    }
  }

  const full = new LRUCache<string, Promise<boolean>>({ max: 10_000, ttl: BACKLOG_CHECK_MS })
  /** Refuses what would only wait. Looked at now and then: a few more or less do not matter. */
  const refuseFlood = async ({ customer_id, organization_id }: WebhookRouteRow) => {
    const owner = customer_id ?? organization_id
    let known = full.get(owner)
    if (known === undefined) {
      known = isBacklogFull(db, owner)
      full.set(owner, known)
      known.catch(() => full.delete(owner))
    }
    if (await known) throw tooMany()
  }

  const webhookOf = (triggerId: string): Promise<Webhook> => {
    const known = webhooks.get(triggerId)
    if (known !== undefined) return known.loading
    const remembered: Remembered = { loading: load(triggerId) }
    webhooks.set(triggerId, remembered, { ttl: deps.changesHeard() ? CACHE_MS : UNHEARD_CACHE_MS })
    remembered.loading.then(
      ({ row }) => {
        remembered.organizationId = row.organization_id
      },
      () => webhooks.delete(triggerId),
    )
    return remembered.loading
  }

  const store = buildBatcher<AcceptedEvent, string>(async (items) => {
    const { ids, admitted } = await deps.storing(
      (workerFor) =>
        acceptEvents(
          db,
          items.map(({ event, executions }) => ({
            event,
            executions: executions.map((execution) => ({ ...execution, worker: workerFor(execution) })),
          })),
        ),
      ({ started }) => started,
    )
    await deps.admission.enqueue(admitted)
    return ids
  }, MAX_BATCH)

  return {
    forget: (organizationId) => {
      for (const [id, { organizationId: owner }] of webhooks.entries())
        if (organizationId === undefined || owner === undefined || owner === organizationId)
          webhooks.delete(id)
    },
    accept: async (triggerId, delivery) => {
      const webhook = await webhookOf(triggerId)
      const verdict = verdictOn(webhook, delivery)
      if (!verdict.ok) {
        log.warn({ trigger: triggerId, reason: verdict.reason }, 'webhook delivery refused')
        throw new AppError('unauthenticated', verdict.reason, { where: verdict.where, hint: verdict.hint })
      }
      const payload = parseBody(delivery)
      const answer = challengeAnswer(webhook.config, payload)
      if (answer !== null) return { answer }
      const headers = keptHeaders(delivery.headers, webhook.config.verification)
      const { row } = webhook
      await refuseFlood(row)
      const { attempts } = webhook.config
      const matching = webhook.routes.filter((route) => route.matches({ payload, headers: delivery.headers }))
      const eventId = newId('event')
      const executions = matching.flatMap(({ target }) =>
        executionFor(row, target, eventId, payload, headers),
      )
      const stored = await store.add({
        event: {
          id: eventId,
          organization_id: row.organization_id,
          customer_id: row.customer_id,
          source: 'webhook',
          trigger_id: row.trigger_id,
          dedupe_key: deliveryKey(webhook.config, delivery.headers, payload),
          headers,
          payload,
          status: executions.length > 0 ? 'delivered' : 'unmatched',
        },
        executions,
      })
      const duplicate = stored !== eventId
      return { eventId: stored, duplicate, executionIds: duplicate ? [] : executions.map(({ id }) => id) }

      function executionFor(
        trigger: WebhookRouteRow,
        target: WebhookRouteRow['routes'][number],
        event: string,
        input: Json,
        kept: Record<string, string>,
      ): NewExecution[] {
        if (
          target.workflow_status !== 'active' ||
          target.workflow_version_id === null ||
          target.tier === null
        ) {
          log.warn(
            { trigger: trigger.trigger_id, workflow: target.workflow_slug, environment: target.environment },
            'route leads to nothing deployed',
          )
          return []
        }
        return [
          {
            id: newId('execution'),
            organization_id: trigger.organization_id,
            customer_id: trigger.customer_id,
            workflow_id: target.workflow_id,
            workflow_version_id: target.workflow_version_id,
            environment: target.environment,
            tier: target.tier,
            status: 'queued',
            triggered_by: 'webhook',
            event_id: event,
            trigger_id: trigger.trigger_id,
            parent_execution_id: null,
            replay_of: null,
            depth: 0,
            input,
            headers: { ...kept, 'x-fastn-trigger-id': trigger.trigger_id, 'x-fastn-event-id': event },
            max_attempts: attempts?.maxAttempts ?? target.max_attempts,
            retry: attempts === null ? null : retryPolicyOf(attempts),
            dead_letter: webhook.config.deadLetter,
            ...runLimits(target, input),
            sequential: webhook.config.mode === 'sequential',
            worker: null,
          },
        ]
      }
    },
  }
}

/** By the secret it has, and for a while by the one it had before. */
function verdictOn({ config, secret, previous }: Webhook, { headers, rawBody }: Delivery): Verdict {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const by = (one: Secret | null) =>
    verifyWebhook(config.verification, one?.reveal() ?? null, { headers, rawBody, nowSeconds })
  const verdict = by(secret)
  if (verdict.ok || previous === null || previous.until.getTime() <= Date.now()) return verdict
  return by(previous.secret).ok ? { ok: true } : verdict
}

/** Headers a workflow may see: what authenticates the sender stays out, under whatever name it comes. */
function keptHeaders(headers: Record<string, string>, verification: Verification): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => name !== verification.header && name !== 'connection' && !isSensitiveHeader(name),
    ),
  )
}

function parseBody({ headers, rawBody }: Delivery): Json {
  const type = (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
  if (rawBody.length === 0) return null
  const text = rawBody.toString('utf8')
  if (type === 'application/json' || type.endsWith('+json')) return parseJson(text, 'body')
  if (type === 'application/x-www-form-urlencoded') {
    const form = Object.fromEntries(new URLSearchParams(text))
    // GitHub and Slack can send their JSON in one form field called payload.
    const { payload } = form
    return payload !== undefined && Object.keys(form).length === 1 ? parseJson(payload, 'payload') : form
  }
  if (type.startsWith('text/')) return text
  throw new AppError('invalid_input', `A webhook takes JSON, a form or text, not '${type}'.`, {
    where: 'content-type',
    hint: 'Send application/json.',
  })
}

function parseJson(text: string, where: string): Json {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    throw new AppError('invalid_input', `The ${where} is not valid JSON: ${(error as Error).message}`, {
      where,
      hint: 'Send the event as one JSON document, in UTF-8.',
      cause: error,
    })
  }
  if (!isDeeperThan(value, MAX_DEPTH)) return value
  throw new AppError('invalid_input', `The ${where} is nested more than ${MAX_DEPTH} levels deep.`, {
    where,
    hint: 'Send a flatter document.',
  })
}
