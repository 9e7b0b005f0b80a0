import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Secret } from '../../core/secret.ts'
import type { Database } from '../../db/database.ts'
import {
  claimDueDeliveries,
  type DeliveryOutcome,
  type DueDelivery,
  recordDelivery,
} from '../../db/webhook-deliveries.ts'
import type { HttpClient } from '../http/client.ts'
import { every } from '../queue/every.ts'
import type { Vault } from '../vault/vault.ts'

/** What an endpoint's signing secret is sealed for; see {@link Vault.seal}. */
export const webhookEndpointPurpose = (id: string) => `webhook_endpoint:${id}`

/** 5 s, 30 s, 2 min, 15 min, 1 h, 4 h, 12 h after the attempts before: a little over 17 hours in all. */
const DELAYS_MS = [5, 30, 120, 900, 3_600, 14_400, 43_200].map((seconds) => seconds * 1_000)
const LOOK_EVERY_MS = 1_000
const TIMEOUT_MS = 15_000
/** Longer than an attempt may take: a process that dies with it holds it up this long. */
const LEASE_MS = 60_000
/** Attempts at once, in one process: an endpoint that is slow holds only its own, an organization no more than its share. */
const MAX_ATTEMPTS = 100
const MAX_PER_ENDPOINT = 5
const MAX_PER_ORGANIZATION = 25
const MAX_RESPONSE_BYTES = 64 * 1024
const MAX_ERROR_CHARS = 500

export interface WebhookDeliverer {
  /** Delivers what is due now. Gives the number of attempts made. */
  deliver(): Promise<number>
  start(): void
  stop(): Promise<void>
}

/**
 * Sends outbound webhooks: signed as Standard Webhooks 1.0 has it (webhook-id, webhook-timestamp,
 * webhook-signature), at least once each, retried for some 17 hours and then failed. Every process may do it.
 */
export function buildWebhookDeliverer(deps: {
  db: Database
  vault: Vault
  http: HttpClient
  log: Logger
}): WebhookDeliverer {
  const { db, vault, http, log } = deps

  const attempt = async (delivery: DueDelivery): Promise<void> => {
    const outcome = await send(delivery).catch((cause: unknown): DeliveryOutcome => {
      const error = toAppError(cause)
      if (error.code === 'internal')
        log.error({ delivery: delivery.id, err: error.cause }, 'a webhook was not sent')
      return again(delivery, null, error.message)
    })
    await recordDelivery(db, delivery.attempt_id, delivery.id, outcome)
    if (outcome.status === 'failed')
      log.warn(
        { delivery: delivery.id, endpoint: delivery.endpoint_id, err: outcome.error },
        'webhook given up',
      )
  }

  const send = async (delivery: DueDelivery): Promise<DeliveryOutcome> => {
    const { organization_id: organizationId, endpoint_id: endpointId } = delivery
    const secret = await db.read({ organizationId, customerIds: null }, (tx) =>
      vault.open(tx, organizationId, webhookEndpointPurpose(endpointId), delivery.secret),
    )
    const body = JSON.stringify(delivery.payload)
    const response = await http.request({
      method: 'POST',
      url: delivery.url,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Patchbay',
        ...signed(secret, delivery.id, body),
      },
      body,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      maxRedirects: 0,
    })
    if (response.status >= 200 && response.status < 300)
      return { status: 'delivered', delayMs: 0, httpStatus: response.status, error: null }
    const said = Buffer.from(response.body).toString('utf8').slice(0, MAX_ERROR_CHARS)
    return again(delivery, response.status, `answered ${response.status}: ${said}`)
  }

  const underWay = new Set<Promise<void>>()
  const busy = new Map<string, number>()
  let freed = Promise.withResolvers<void>()

  const begin = (delivery: DueDelivery): void => {
    const owners = [delivery.endpoint_id, delivery.organization_id]
    for (const id of owners) busy.set(id, (busy.get(id) ?? 0) + 1)
    const made = attempt(delivery)
      // What was not recorded is due again when its lease is over.
      .catch((err: unknown) =>
        log.error({ delivery: delivery.id, err }, 'a webhook’s outcome was not recorded'),
      )
      .finally(() => {
        underWay.delete(made)
        for (const id of owners) {
          const left = (busy.get(id) ?? 1) - 1
          if (left === 0) busy.delete(id)
          else busy.set(id, left)
        }
        freed.resolve()
      })
    underWay.add(made)
  }

  /** Until an attempt ends or, since others become due meanwhile, it is time to look again. */
  const nextLook = async (stopped: AbortSignal | undefined): Promise<void> => {
    const over = new AbortController()
    const signal = stopped === undefined ? over.signal : AbortSignal.any([over.signal, stopped])
    const time = sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined) // ended early
    await Promise.race([freed.promise, time])
    over.abort()
    freed = Promise.withResolvers()
  }

  /** A rolling pool: whoever ends makes room, and nobody waits for the slowest. */
  const deliver = async (stopped?: AbortSignal): Promise<number> => {
    let made = 0
    while (stopped?.aborted !== true) {
      const idle = underWay.size === 0
      const limits = {
        total: MAX_ATTEMPTS - underWay.size,
        perEndpoint: MAX_PER_ENDPOINT,
        perOrganization: MAX_PER_ORGANIZATION,
        busy,
      }
      const due = limits.total === 0 ? [] : await claimDueDeliveries(db, limits, LEASE_MS)
      due.forEach(begin)
      made += due.length
      // Attempts that ended while it looked made room that it did not know of.
      if (idle && due.length === 0) break
      await nextLook(stopped)
    }
    return made
  }

  let stop: (() => Promise<void>) | undefined
  return {
    deliver: () => deliver(),
    start: () => {
      stop = every(LOOK_EVERY_MS, deliver, log, 'outbound webhooks')
    },
    stop: async () => {
      await stop?.()
      await Promise.all(underWay)
    },
  }
}

function signed(secret: Secret, id: string, body: string): Record<string, string> {
  const at = new Date()
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret.reveal()).sign(id, at, body),
  }
}

/** When an attempt that failed is made again, or that it was the last. */
function again(delivery: DueDelivery, httpStatus: number | null, error: string): DeliveryOutcome {
  const delayMs = DELAYS_MS[delivery.attempts - 1]
  return {
    status: delayMs === undefined ? 'failed' : 'pending',
    delayMs: delayMs ?? 0,
    httpStatus,
    error: error.slice(0, MAX_ERROR_CHARS),
  }
}
