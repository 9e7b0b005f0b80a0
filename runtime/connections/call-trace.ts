import type { TenantScope } from '../../core/actor.ts'
import { type AppError, toErrorBody } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { NewTrace } from '../../db/traces.ts'
import type { CallTrace } from '../connectors/call.ts'
import type { MockedCall } from './mocking.ts'
import type { ResolvedCall } from './resolve.ts'

/** What a call is part of. */
export interface CallContext {
  idempotencyKey?: string | undefined
  beforeSend?: (() => Promise<void>) | undefined
  hidden?: readonly string[] | undefined
  secretsIn?: ((answer: Json) => readonly string[]) | undefined
  customerId: string | null
  execution?: { id: string; attempt: number } | undefined
  timeoutMs?: number | undefined
  /** One page of a list: the address of a later one, where the app gave one. */
  page?: { url?: string; later: boolean } | undefined
  /** What answers in place of the app. */
  mock?: MockedCall | undefined
}

/** The row of a call. Nothing was sent when the input did not fit: then the request tells the action's template. */
export function traceRow(
  id: string,
  startedAt: Date,
  scope: TenantScope,
  call: ResolvedCall,
  context: CallContext,
  sent: CallTrace | undefined,
  error: AppError | undefined,
): NewTrace {
  const failed = sent?.error ?? error
  return {
    id,
    // An actor limited to customers leaves no trace outside them.
    customer_id: context.customerId ?? scope.customerIds?.[0] ?? null,
    execution_id: context.execution?.id ?? null,
    attempt: context.execution?.attempt ?? null,
    connection_id: call.connection?.id ?? null,
    connector: call.connector.slug,
    action: call.action.slug,
    status: failed === undefined ? 'success' : neverAnswered(sent, failed) ? 'pending' : 'error',
    http_status: sent?.status ?? null,
    duration_ms: sent === undefined ? null : Math.round(sent.durationMs),
    request:
      sent === undefined
        ? { method: call.action.method, path: call.action.path, sent: false }
        : {
            method: sent.method,
            url: sent.url,
            headers: sent.requestHeaders,
            body: sent.requestBody ?? null,
            ...(sent.attempt === 1 ? {} : { attempt: sent.attempt }),
          },
    response:
      sent?.status === undefined
        ? null
        : {
            status: sent.status,
            headers: sent.responseHeaders ?? {},
            body: sent.responseBody ?? null,
            ...(sent.warnings === undefined ? {} : { warnings: sent.warnings }),
            ...(sent.file === undefined ? {} : { file: sent.file }),
          },
    mock: context.mock?.scenario ?? null,
    error: sent?.error ?? (error === undefined ? null : toErrorBody(error)),
    created_at: startedAt.toISOString(),
  }
}

/** It was sent, and given up before anything came back: nobody here knows what the app made of it. */
const neverAnswered = (sent: CallTrace | undefined, error: Pick<AppError, 'code'>): boolean =>
  sent !== undefined && sent.status === undefined && (error.code === 'timeout' || error.code === 'cancelled')
