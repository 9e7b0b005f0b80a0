import type { TenantScope } from '../../core/actor.ts'
import { AppError, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { Secret } from '../../core/secret.ts'
import { getAction } from '../../db/actions.ts'
import { getSealedConnection, noteVerification } from '../../db/connections.ts'
import { type ConnectorRow, findConnector } from '../../db/connectors.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { NewTrace } from '../../db/traces.ts'
import { type CallTrace, callAction } from '../connectors/call.ts'
import type { ActionDefinition, AuthMethod } from '../connectors/definition.ts'
import type { HttpClient } from '../http/client.ts'
import type { Vault } from '../vault/vault.ts'
import type { ActionOutcome, Connections, CredentialTrial, Verification } from './connections.ts'
import { type Credentials, openCredentials } from './credentials.ts'
import { actionOf, type ConnectorHead, headOf, type SharedSchemas } from './definitions.ts'
import { authMethodOf, buildResolver } from './resolve.ts'
import { buildTraceRecorder } from './trace-recorder.ts'

const NO_CREDENTIALS: Credentials = new Secret({})
const NO_AUTH: AuthMethod = { slug: 'none', type: 'no_auth', name: 'No authentication' }

/** A call with everything it needs, and what its trace says besides. */
interface PreparedCall {
  head: ConnectorHead
  schemas: SharedSchemas
  action: ActionDefinition
  authMethod: AuthMethod
  credentials: Credentials
  baseUrl: string | null
  input: JsonObject
  timeoutMs?: number | undefined
  trace: Pick<NewTrace, 'customer_id' | 'execution_id' | 'attempt' | 'connection_id'>
}

/** A connector's verification call, ready but for the credentials. */
interface VerificationCall {
  connector: ConnectorRow
  head: ConnectorHead
  schemas: SharedSchemas
  call: { action: ActionDefinition; input: JsonObject } | null
}

export function buildConnections(deps: {
  db: Database
  vault: Vault
  http: HttpClient
  log: Logger
}): Connections {
  const { db, vault, http } = deps
  const resolver = buildResolver(db)
  const traces = buildTraceRecorder(db, deps.log)

  const send = async (
    scope: TenantScope,
    call: PreparedCall,
    signal?: AbortSignal,
  ): Promise<ActionOutcome> => {
    const traceId = newId('trace')
    const startedAt = new Date().toISOString()
    let recorded: Promise<void> | undefined
    try {
      const result = await callAction({
        http,
        connector: { ...call.head, baseUrl: call.baseUrl ?? call.head.baseUrl, schemas: call.schemas },
        action: call.action,
        authMethod: call.authMethod,
        credentials: call.credentials,
        input: call.input,
        ...(signal === undefined ? {} : { signal }),
        ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
        onTrace: (trace) => {
          recorded = traces.record(scope, toNewTrace(traceId, startedAt, call, trace))
        },
      })
      return { ...result, traceId }
    } finally {
      await recorded // undefined unless more traces are waiting than should be
    }
  }

  const verificationCall = async (tx: Tx, ref: string): Promise<VerificationCall> => {
    const connector = await findConnector(tx, ref)
    if (connector === undefined) throw notFound('connector', ref, 'list_connectors shows the ones there are.')
    const head = headOf(connector)
    const schemas = await resolver.schemas(tx, connector)
    if (head.verification === undefined) return { connector, head, schemas, call: null }
    const row = await getAction(tx, connector.id, head.verification.action)
    if (row === undefined) {
      throw notFound(
        'action',
        `${connector.slug}.${head.verification.action}`,
        'The connector’s verification names it; correct that with update_connector.',
      )
    }
    const input = (head.verification.input ?? {}) as JsonObject
    return { connector, head, schemas, call: { action: actionOf(row), input } }
  }

  const tryOut = async (
    scope: TenantScope,
    verification: VerificationCall,
    account: Pick<PreparedCall, 'authMethod' | 'credentials' | 'baseUrl' | 'trace'>,
    signal?: AbortSignal,
  ): Promise<Verification> => {
    const { head, schemas, call } = verification
    if (call === null) {
      return {
        verified: false,
        detail: `The connector ${head.slug} has no verification call; nothing was tried.`,
      }
    }
    const { status } = await send(scope, { head, schemas, ...call, ...account }, signal)
    return { verified: true, detail: `${head.slug}.${call.action.slug} answered ${status}.` }
  }

  return {
    runAction: async (scope, request, signal) => {
      const call = await resolver.resolve(scope, {
        connector: request.connector,
        action: request.action,
        customerId: request.customerId,
        connection: request.connection ?? null,
      })
      const { connection } = call
      return send(
        scope,
        {
          head: call.head,
          schemas: call.schemas,
          action: call.action,
          authMethod: call.authMethod ?? NO_AUTH,
          credentials:
            connection === null ? NO_CREDENTIALS : await openCredentials(db, vault, scope, connection),
          baseUrl: connection?.base_url ?? null,
          input: request.input,
          timeoutMs: request.timeoutMs,
          trace: {
            customer_id: request.customerId,
            execution_id: request.execution?.id ?? null,
            attempt: request.execution?.attempt ?? null,
            connection_id: connection?.id ?? null,
          },
        },
        signal,
      )
    },
    verify: async (scope, connectionId, signal) => {
      const { connection, verification } = await db.read(scope, async (tx) => {
        const row = await getSealedConnection(tx, connectionId)
        if (row === undefined) {
          throw notFound('connection', connectionId, 'list_connections shows the ones you may use.')
        }
        return { connection: row, verification: await verificationCall(tx, row.connector_id) }
      })
      const account = {
        authMethod: authMethodOf(verification.head, connection),
        credentials: await openCredentials(db, vault, scope, connection),
        baseUrl: connection.base_url,
        trace: { ...NO_EXECUTION, customer_id: connection.customer_id, connection_id: connection.id },
      }
      try {
        const outcome = await tryOut(scope, verification, account, signal)
        if (outcome.verified) await db.tenant(scope, (tx) => noteVerification(tx, connection.id, null))
        return outcome
      } catch (error) {
        if (isRefusal(error))
          await db.tenant(scope, (tx) => noteVerification(tx, connection.id, error.message))
        throw error
      }
    },
    tryCredentials: async (scope, trial, signal) => {
      const verification = await db.read(scope, (tx) => verificationCall(tx, trial.connector))
      return tryOut(scope, verification, accountOf(verification.head, trial), signal)
    },
    forget: (organizationId) => resolver.forget(organizationId),
    settled: () => traces.settled(),
  }
}

const NO_EXECUTION = { execution_id: null, attempt: null }

function accountOf(head: ConnectorHead, trial: CredentialTrial) {
  const { credentials, baseUrl, customerId } = trial
  const authMethod = head.authMethods.find(({ slug }) => slug === trial.authMethod)
  if (authMethod === undefined) {
    throw notFound(
      'auth method',
      trial.authMethod,
      `The connector ${head.slug} has: ${head.authMethods.map(({ slug }) => slug).join(', ')}.`,
    )
  }
  return {
    authMethod,
    credentials,
    baseUrl,
    trace: { ...NO_EXECUTION, customer_id: customerId, connection_id: null },
  }
}

/** Did the provider refuse the credentials, rather than fail at something else? */
function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && (error.data?.status === 401 || error.data?.status === 403)
}

function toNewTrace(id: string, startedAt: string, call: PreparedCall, trace: CallTrace): NewTrace {
  return {
    id,
    ...call.trace,
    connector: call.head.slug,
    action: call.action.slug,
    // A call that no answer came to is still pending as far as anybody here knows.
    status: trace.error === undefined ? 'success' : trace.status === undefined ? 'pending' : 'error',
    http_status: trace.status ?? null,
    duration_ms: Math.round(trace.durationMs),
    request: {
      method: trace.method,
      url: trace.url,
      headers: trace.requestHeaders,
      body: trace.requestBody ?? null,
    },
    response:
      trace.status === undefined
        ? null
        : { status: trace.status, headers: trace.responseHeaders ?? {}, body: trace.responseBody ?? null },
    error: trace.error ?? null,
    created_at: startedAt,
  }
}
