import type { TenantScope } from '../../core/actor.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import type { Mocks } from '../../db/executions.ts'
import type { Paging } from './paging.ts'

export interface RunAction {
  /** Connector slug or id. */
  connector: string
  /** Action slug. */
  action: string
  input: JsonObject
  /** Id of the customer whose account is used; null for the organization's own. */
  customerId: string | null
  /** Id or name of one of several connections; the default one otherwise. */
  connection?: string | undefined
  /** The attempt this call is part of, for its trace. */
  execution?: { id: string; attempt: number } | undefined
  timeoutMs?: number | undefined
  /** The same each time this call is made again, so that the app can tell. */
  idempotencyKey?: string | undefined
  /** Asked before each attempt is sent; what it throws is the end of the call. */
  beforeSend?: (() => Promise<void>) | undefined
  /** Secrets in the input: what is recorded of the call hides them as it does credentials. */
  hidden?: readonly string[] | undefined
  /** Secrets in the answer, which are hidden likewise; the caller gets them. */
  secretsIn?: ((answer: Json) => readonly string[]) | undefined
  /** Set when the call is for one page of a list; see {@link Paging}. */
  page?: { url?: string; later: boolean } | undefined
}

export interface ActionOutcome {
  output: Json
  status: number
  headers: Record<string, string>
  durationMs: number
  /** The address that answered. */
  url: string
  /** How the answer differs from the action's output schema. */
  warnings: string[]
  traceId: string
  /** Of a mock: the list it has answers for ended before this page. */
  endOfList?: boolean
}

/** Credentials to be tried before they are stored. */
export interface CredentialTrial {
  /** Connector slug or id. */
  connector: string
  /** Slug of the auth method they are for. */
  authMethod: string
  credentials: Secret<Record<string, string>>
  /** The account's own address, in place of the connector's. */
  baseUrl: string | null
  /** Id of the customer they belong to, for the trace. */
  customerId: string | null
}

export interface Verification {
  /** False: the connector has no verification call, so nothing was tried. */
  verified: boolean
  detail: string
}

/** Calls of connectors' actions. */
export interface Calls extends Paging {
  /**
   * Runs one action through the right connection, records its trace, and marks the connection used.
   * A customer without a connection of its own falls back to the organization's, when there is one.
   * @throws AppError `not_found` (connector, action, connection), `conflict` when the connection is not active,
   *   `invalid_input`, `upstream_error`, `timeout`: the call's trace is kept in each of the last three cases
   */
  runAction(scope: TenantScope, request: RunAction, signal?: AbortSignal): Promise<ActionOutcome>
}

/** Connector calls with customers' credentials. */
export interface Connections extends Calls {
  /**
   * What a call would go through, without making it: the connection's id, null where it needs no account; and whether
   * its answers are pages.
   * @throws AppError `not_found`, `conflict`, as runAction
   */
  look(
    scope: TenantScope,
    request: Pick<RunAction, 'connector' | 'action' | 'customerId' | 'connection'>,
  ): Promise<{ connection: string | null; paged: boolean }>
  /** The same calls, answered by mocks in place of the apps: by all of them, or where there is one. */
  mocked(mocks: Mocks): Calls
  /**
   * Tries a connection's credentials with the connector's verification call, or says that it has none. Accepted,
   * a failed or expired connection is active again; refused (401, 403), it is `failed`.
   * @throws AppError `upstream_error` with the provider's answer when they are refused
   */
  verify(scope: TenantScope, connectionId: string, signal?: AbortSignal): Promise<Verification>
  /** The same for credentials that are not stored yet; nothing is stored either way. */
  tryCredentials(scope: TenantScope, trial: CredentialTrial, signal?: AbortSignal): Promise<Verification>
  /** Makes the next calls see a change of the organization's connectors or connections, made in this process. */
  forget(organizationId: string): void
  /** Resolves when the traces of all calls made so far are stored: they are written in batches, within 20 ms. */
  settled(): Promise<void>
}
