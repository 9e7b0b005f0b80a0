import type { TenantScope } from '../../core/actor.ts'
import { type AppError, conflict, notFound, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { Secret } from '../../core/secret.ts'
import { getAction } from '../../db/actions.ts'
import { getSealedConnection, noteVerification, type SealedConnectionRow } from '../../db/connections.ts'
import { findConnector } from '../../db/connectors.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import type { Vault } from '../vault/vault.ts'
import type { Connections, Verification } from './connections.ts'
import { type Credentials, openCredentials } from './credentials.ts'
import { actionOf, headOf } from './definitions.ts'
import { enrich, refusesCredentials } from './hints.ts'
import { buildMakeCall } from './make-call.ts'
import { buildPaging, type Paging } from './paging.ts'
import { buildResolver, type ResolvedCall } from './resolve.ts'
import { buildTraceRecorder } from './trace-recorder.ts'

const NO_CREDENTIALS: Credentials = new Secret({})
const VERIFY_TIMEOUT_MS = 20_000

interface Parts {
  db: Database
  vault: Vault
  http: HttpClient
  files: Files
  log: Logger
}

export function buildConnections({ db, vault, http, files, log }: Parts): Connections {
  const resolver = buildResolver(db)
  const recorder = buildTraceRecorder(db, log)

  const make = buildMakeCall({ http, files, recorder })

  /** @throws AppError whatever the verification call throws */
  const tryCall = async (
    scope: TenantScope,
    trial: { call: ResolvedCall; input: JsonObject } | undefined,
    credentials: Credentials,
    customerId: string | null,
    signal: AbortSignal | undefined,
  ): Promise<Verification> => {
    if (trial === undefined) {
      return { verified: false, detail: 'The connector has no verification call; nothing was tried.' }
    }
    const { call, input } = trial
    const { status } = await make(
      scope,
      call,
      credentials,
      input,
      { customerId, timeoutMs: VERIFY_TIMEOUT_MS },
      signal,
    )
    return { verified: true, detail: `${call.connector.slug}.${call.action.slug} was answered ${status}.` }
  }

  /** The connector's verification call with one of its auth methods, if it has such a call. */
  const verificationOf = async (
    tx: Tx,
    account: { connector: string; authMethod: string; baseUrl: string | null },
    connection: SealedConnectionRow | null,
  ): Promise<{ call: ResolvedCall; input: JsonObject } | undefined> => {
    const connector = await findConnector(tx, account.connector)
    if (connector === undefined) throw notFound('connector', account.connector)
    const head = headOf(connector)
    const { verification } = head
    const row =
      verification === undefined ? undefined : await getAction(tx, connector.id, verification.action)
    if (verification === undefined || row === undefined) return undefined
    const authMethod = head.authMethods.find(({ slug }) => slug === account.authMethod)
    if (authMethod === undefined) {
      throw conflict(`The connector ${head.slug} has no auth method '${account.authMethod}'.`)
    }
    const call: ResolvedCall = {
      connector,
      head: account.baseUrl === null ? head : { ...head, baseUrl: account.baseUrl },
      schemas: await resolver.schemas(tx, connector),
      action: actionOf(row),
      authMethod,
      connection,
    }
    return { call, input: verification.input as JsonObject }
  }

  const connections: Omit<Connections, keyof Paging> = {
    runAction: async (scope, request, signal) => {
      const { connector, action, customerId, connection } = request
      const call = await resolver.resolve(scope, {
        connector,
        action,
        customerId,
        connection: connection ?? null,
      })
      const credentials =
        call.connection === null ? NO_CREDENTIALS : await openCredentials(db, vault, scope, call.connection)
      return make(scope, call, credentials, request.input, request, signal).catch((error: AppError) => {
        if (call.connection === null || !refusesCredentials(error)) throw error
        throw enrich(error, { hint: reconnectHint(call.connection.id, error) })
      })
    },

    verify: async (scope, connectionId, signal) => {
      const { connection, trial } = await db.read(scope, async (tx) => {
        const found = await getSealedConnection(tx, connectionId)
        if (found === undefined) throw notFound('connection', connectionId, 'list_connections shows the ids.')
        const account = {
          connector: found.connector_id,
          authMethod: found.auth_method,
          baseUrl: found.base_url,
        }
        return { connection: found, trial: await verificationOf(tx, account, found) }
      })
      const note = async (failure: string | null) => {
        await db.tenant(scope, (tx) => noteVerification(tx, connectionId, failure))
        resolver.forget(scope.organizationId)
      }
      const credentials = await openCredentials(db, vault, scope, connection)
      try {
        const outcome = await tryCall(scope, trial, credentials, connection.customer_id, signal)
        if (outcome.verified) await note(null)
        return outcome
      } catch (cause) {
        const error = toAppError(cause)
        if (!refusesCredentials(error)) throw error
        await note(error.message)
        throw enrich(error, { hint: 'Give the connection new credentials with update_connection.' })
      }
    },

    tryCredentials: async (scope, trial, signal) => {
      const call = await db.read(scope, (tx) => verificationOf(tx, trial, null))
      return tryCall(scope, call, trial.credentials, trial.customerId, signal)
    },

    forget: resolver.forget,
    settled: recorder.settled,
  }
  return { ...connections, ...buildPaging(resolver, connections.runAction) }
}

const reconnectHint = (id: string, error: AppError): string =>
  `${error.hint ?? ''} verify_connection {"connection":"${id}"} tells whether its credentials still work; update_connection gives it new ones.`.trim()
