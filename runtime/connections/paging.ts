import type { TenantScope } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Database } from '../../db/database.ts'
import { withoutKeys } from '../connectors/next-address.ts'
import type { PagePlace } from '../connectors/next-page.ts'
import {
  type Collected,
  collectPages,
  fromToken,
  noToken,
  type PageCall,
  pageAt,
  toToken,
} from '../connectors/paginate.ts'
import { validateInput } from '../connectors/validate-input.ts'
import type { Vault } from '../vault/vault.ts'
import type { ActionOutcome, Connections, RunAction } from './connections.ts'
import type { ResolvedCall, Resolver } from './resolve.ts'

type ListRequest = Omit<RunAction, 'page'> & {
  /** `next` of an earlier answer; the first page when left out. */
  next?: string | undefined
}

/** Lists in pages, as an action's `pagination` describes them. */
export interface Paging {
  /**
   * One page.
   * @throws AppError what runAction throws; `invalid_input` for an action without pagination
   */
  page(
    scope: TenantScope,
    request: ListRequest,
    signal?: AbortSignal,
  ): Promise<{ items: Json[]; next: string | null; stopped: string | null; output: Json }>
  /** Items gathered over pages, within bounds; see {@link collectPages}. `last` is the last page's outcome. */
  collect(
    scope: TenantScope,
    request: ListRequest & { maxItems: number; maxPages: number; maxBytes: number; maxMs?: number },
    signal?: AbortSignal,
  ): Promise<Omit<Collected, 'next'> & { next: string | null; last: ActionOutcome | undefined }>
}

/**
 * Each page is a call like any other: through the same connection, traced, limited and retried.
 *
 * Where a list goes on is handed out sealed, for this action and account alone: it may hold an address, which is
 * called with the account's credentials, so nobody may write one of their own.
 */
export function buildPaging(
  { db, vault }: { db: Database; vault: Vault },
  resolver: Resolver,
  runAction: Connections['runAction'],
): Paging {
  const prepare = async (scope: TenantScope, request: ListRequest) => {
    const { connector, action, customerId, connection = null } = request
    const call = await resolver.resolve(scope, { connector, action, customerId, connection })
    const { pagination } = call.action
    if (pagination === undefined) throw notPaged(call.action.slug)
    const { organizationId } = scope
    const purpose = purposeOf(call)
    const token = async (place: PagePlace | null): Promise<string | null> => {
      if (place === null) return null
      const { authMethod } = call
      const { url } = place
      const text = toToken(
        url === undefined || authMethod === null ? place : { ...place, url: withoutKeys(url, authMethod) },
      )
      return db.tenant(scope, (tx) => vault.seal(tx, organizationId, purpose, text))
    }
    const opened = async (sealed: string): Promise<PagePlace> => {
      const text = await db
        .read(scope, (tx) => vault.open(tx, organizationId, purpose, sealed))
        // Whatever vault.open makes of it: a text that does not open here was not sealed here.
        .catch((cause: unknown) => {
          throw noToken(cause)
        })
      return fromToken(text.reveal())
    }
    if (request.next === undefined) return { pagination, token, from: undefined }
    // Later pages are sent unchecked, since the first proved the input: this may be another than that one's.
    validateInput(call.schemas, call.action, request.input)
    return { pagination, token, from: await opened(request.next) }
  }

  const callWith =
    (scope: TenantScope, request: ListRequest, signal: AbortSignal | undefined) =>
    ({ input, page }: PageCall): Promise<ActionOutcome> =>
      runAction(scope, { ...request, input, page }, signal)

  return {
    page: async (scope, request, signal) => {
      const { pagination, token, from } = await prepare(scope, request)
      const call = callWith(scope, request, signal)
      const page = await pageAt(pagination, request.input, call, from ?? { pages: 0 })
      return {
        items: page.items,
        next: await token(page.next),
        stopped: page.stopped ?? null,
        output: page.answer?.output ?? null,
      }
    },
    collect: async (scope, request, signal) => {
      const { pagination, token, from } = await prepare(scope, request)
      const { maxItems, maxPages, maxBytes, maxMs } = request
      const limits = { maxItems, maxPages, maxBytes, maxMs, from }
      const collected = await collectPages(
        pagination,
        request.input,
        callWith(scope, request, signal),
        limits,
      )
      return { ...collected, next: await token(collected.next) }
    },
  }
}

const purposeOf = ({ connector, action, connection }: ResolvedCall) =>
  `page:${connector.id}/${action.slug}/${connection?.id ?? ''}`

const notPaged = (action: string) =>
  invalidInput(`The action '${action}' does not say how its pages follow each other.`, {
    where: 'action.pagination',
    hint: 'Run it once and pass its own paging parameters, or describe its pagination with update_action.',
  })
