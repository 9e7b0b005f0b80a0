import type { TenantScope } from '../../core/actor.ts'
import type { Json, JsonObject } from '../../core/json.ts'

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
}

export interface ActionOutcome {
  output: Json
  status: number
  headers: Record<string, string>
  durationMs: number
  traceId: string
}

/** Connector calls with customers' credentials. */
export interface Connections {
  /**
   * Runs one action through the right connection, records its trace, and marks the connection used.
   * A customer without a connection of its own falls back to the organization's, when there is one.
   * @throws AppError `not_found` (connector, action, connection), `conflict` when the connection is not active,
   *   `invalid_input`, `upstream_error`, `timeout`: the call's trace is kept in each of the last three cases
   */
  runAction(scope: TenantScope, request: RunAction, signal?: AbortSignal): Promise<ActionOutcome>
  /**
   * Tries credentials with the connector's verification call, or says that it has none.
   * @throws AppError `upstream_error` with the provider's answer when they are refused
   */
  verify(
    scope: TenantScope,
    connectionId: string,
    signal?: AbortSignal,
  ): Promise<{ verified: boolean; detail: string }>
}
