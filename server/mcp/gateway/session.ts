import { type Actor, scopeOf } from '../../../core/actor.ts'
import { invalidInput } from '../../../core/errors.ts'
import type { Database } from '../../../db/database.ts'
import { requireConnector } from '../../../tools/connectors/connector.ts'
import { requireCustomer } from '../../../tools/customers/customer.ts'

/** What a client asked for in the address: `/mcp?customer=acme&connectors=github,slack&readOnly=true`. */
export interface GatewayRequest {
  /** Id or slug; null: the only customer the key reaches. */
  customer: string | null
  /** Slugs of the only connectors to show and use. */
  connectors: readonly string[] | null
  readOnly: boolean
}

/** A session that acts for one customer, and sees nothing else. */
export interface GatewaySession {
  /** The caller, limited to the customer: row-level security keeps everything else away. */
  actor: Actor
  /** The caller as it came, for what belongs to the whole organization and it may do anyway. */
  caller: Actor
  customer: { id: string; slug: string; name: string }
  connectors: readonly string[] | null
  readOnly: boolean
}

/**
 * Is this a gateway session? Where a customer is named, and for a key of one customer that picks no toolsets.
 * @throws AppError `invalid_input` for a setting that is wrong, or would have no effect
 */
export function parseGateway(parameters: URLSearchParams, actor: Actor): GatewayRequest | null {
  const customer = parameters.get('customer')
  const ownCustomer = actor.customerIds?.length === 1 && !parameters.has('toolsets')
  const connectors = parameters.get('connectors')
  const readOnly = parameters.get('readOnly')
  if (customer === null && !ownCustomer) {
    if (connectors === null && readOnly === null) return null
    throw invalidInput('connectors and readOnly choose what a session of one customer shows.', {
      where: connectors === null ? 'readOnly' : 'connectors',
      hint: 'Give customer=<id or slug> too.',
    })
  }
  if (customer !== null && parameters.has('toolsets')) {
    throw invalidInput("A customer's session has no toolsets.", {
      where: 'toolsets',
      hint: 'Leave out toolsets, or customer.',
    })
  }
  if (customer === '') {
    throw invalidInput('customer is empty.', { where: 'customer', hint: 'Give its id (cus_…) or slug.' })
  }
  return { customer, connectors: listOf(connectors), readOnly: flagOf(readOnly) }
}

function listOf(text: string | null): readonly string[] | null {
  if (text === null) return null
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length > 0) return names
  throw invalidInput('connectors names none.', { where: 'connectors', hint: 'e.g. connectors=github,slack' })
}

function flagOf(text: string | null): boolean {
  if (text === null || text === 'false' || text === '0') return false
  if (text === 'true' || text === '1' || text === '') return true
  throw invalidInput(`readOnly is true or false, not '${text}'.`, {
    where: 'readOnly',
    hint: 'e.g. readOnly=true',
  })
}

/** @throws AppError `not_found` for a customer the actor may not see, and for connectors there are not */
export async function openGateway(
  db: Database,
  actor: Actor,
  request: GatewayRequest,
): Promise<GatewaySession> {
  const { id, slug, name } = await db.read(scopeOf(actor), async (tx) => {
    for (const connector of request.connectors ?? []) await requireConnector(tx, connector)
    return requireCustomer(tx, request.customer ?? actor.customerIds?.[0] ?? '')
  })
  return {
    actor: { ...actor, customerIds: [id] },
    caller: actor,
    customer: { id, slug, name },
    connectors: request.connectors,
    readOnly: request.readOnly,
  }
}
