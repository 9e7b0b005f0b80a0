import type { TenantScope } from '../../core/actor.ts'
import { type AppError, toAppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import { type CallFiles, type CallTrace, callAction } from '../connectors/call.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import { buildTraffic, type CountCall } from '../connectors/traffic.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { type CallContext, traceRow } from './call-trace.ts'
import type { ActionOutcome } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { enrich } from './hints.ts'
import { playedHttp } from './mocking.ts'
import type { ResolvedCall } from './resolve.ts'
import { buildSigner } from './signer.ts'
import type { TraceRecorder } from './trace-recorder.ts'

const NO_AUTH: AuthMethod = { slug: 'none', type: 'no_auth', name: 'No authentication' }

/** Makes one call with given credentials and records it, whatever comes of it. No transaction is open meanwhile. */
export type MakeCall = (
  scope: TenantScope,
  call: ResolvedCall,
  credentials: Credentials,
  input: JsonObject,
  context: CallContext,
  signal: AbortSignal | undefined,
) => Promise<ActionOutcome>

interface Parts {
  sandbox: Pick<Sandbox, 'run'>
  http: HttpClient
  files: Files
  recorder: TraceRecorder
  /** Counts calls over all processes, for connectors that say how often a connection may call. */
  countCall?: CountCall | undefined
}

/** Calls of this process share one memory of the accounts' limits. */
export function buildMakeCall({ http, files, recorder, sandbox, countCall }: Parts): MakeCall {
  const traffic = buildTraffic(Date.now, countCall)
  return async (scope, call, credentials, input, context, signal) => {
    const traceId = newId('trace')
    const { connection, connector } = call
    let startedAt = new Date()
    let sent: CallTrace | undefined
    const record = (id: string, error?: AppError) =>
      recorder.record(scope, traceRow(id, startedAt, scope, call, context, sent, error))
    const { mock } = context
    try {
      const result = await callAction({
        // The one place where it is decided whether anything is sent.
        ...(mock === undefined
          ? { http, traffic: { traffic, account: connection?.id ?? connector.id } }
          : { http: playedHttp(mock.answer), maxAttempts: 1 }),
        connector: targetOf(call, credentials),
        sign: buildSigner(sandbox, `${connection?.id ?? connector.id}`),
        action: call.action,
        authMethod: call.authMethod ?? NO_AUTH,
        credentials,
        input,
        ...(signal === undefined ? {} : { signal }),
        ...(context.idempotencyKey === undefined ? {} : { idempotencyKey: context.idempotencyKey }),
        ...(context.beforeSend === undefined ? {} : { beforeSend: context.beforeSend }),
        ...(context.hidden === undefined ? {} : { hidden: context.hidden }),
        ...(context.secretsIn === undefined ? {} : { secretsIn: context.secretsIn }),
        ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
        // A page's list must be here to be read, whatever its size.
        ...(context.page === undefined ? { files: filesOf(files, scope, context) } : {}),
        ...(context.page?.url === undefined ? {} : { url: context.page.url }),
        // The first page proved the input; cursors come from the app and are its own business.
        ...(context.page?.later === true ? { validateInput: false } : {}),
        onTrace: (trace) => {
          // The last attempt bears the trace id that is given out; each one before it has a record of its own.
          if (sent !== undefined) {
            void record(newId('trace'))
            startedAt = new Date(Date.now() - trace.durationMs)
          }
          sent = trace
        },
      })
      await record(traceId)
      return { ...result, traceId }
    } catch (cause) {
      const error = toAppError(cause)
      await record(traceId, error)
      throw enrich(error, { data: { traceId } })
    }
  }
}

function filesOf(files: Files, scope: TenantScope, context: CallContext): CallFiles {
  return {
    size: async (id) => Number((await files.info(scope, id)).bytes),
    read: async (id) => {
      const { row, bytes } = await files.read(scope, id)
      return { name: row.name, contentType: row.content_type, bytes }
    },
    save: async ({ name, contentType, bytes }) => {
      const customerId = context.customerId ?? scope.customerIds?.[0] ?? null
      const { row: _row, ...reference } = await files.save(
        scope,
        { name, contentType, customerId, executionId: context.execution?.id ?? null },
        bytes,
      )
      return reference
    },
  }
}

/**
 * Where the call goes: an account's own address takes the place of the connector's, and values of the account
 * fill in the variables of the address that bear their names.
 */
function targetOf({ head, schemas, connection, authMethod }: ResolvedCall, credentials: Credentials) {
  const { slug, baseUrl, errors, expiry, rateLimit, concurrency, callRate } = head
  const variables = filledVariables(head, authMethod, credentials)
  const own = connection?.base_url ?? null
  return {
    slug,
    schemas,
    baseUrl: own ?? baseUrl,
    ...(own !== null || variables === undefined ? {} : { variables }),
    ...(errors === undefined ? {} : { errors }),
    ...(expiry === undefined ? {} : { expiry }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(callRate === undefined ? {} : { callRate }),
  }
}

/** An account's own values (`fields` of its auth method) as variables of the address; what they may hold is checked there. */
function filledVariables(
  { baseUrl, variables }: ResolvedCall['head'],
  authMethod: AuthMethod | null,
  credentials: Credentials,
): ResolvedCall['head']['variables'] {
  const given = credentials.reveal()
  const filled = (authMethod?.fields ?? []).flatMap(({ name }) =>
    baseUrl.includes(`{${name}}`) && given[name] !== undefined
      ? [[name, { ...variables?.[name], default: given[name] }] as const]
      : [],
  )
  return filled.length === 0 ? variables : { ...variables, ...Object.fromEntries(filled) }
}
