import type { TenantScope } from '../../core/actor.ts'
import { type AppError, conflict, notFound, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { Secret } from '../../core/secret.ts'
import {
  getConnection,
  getSealedConnection,
  noteVerification,
  type SealedConnectionRow,
} from '../../db/connections.ts'
import type { Database, Tx } from '../../db/database.ts'
import { DEFAULT_TIMEOUT_MS } from '../connectors/call.ts'
import { isExpiredError } from '../connectors/expiry.ts'
import type { CountCall } from '../connectors/traffic.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import { buildTokenRequests } from '../oauth/token-requests.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Vault } from '../vault/vault.ts'
import type { CallContext } from './call-trace.ts'
import type { Connections, Verification } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { tellOfConnection } from './events.ts'
import { enrich, reconnectHint, refusesCredentials } from './hints.ts'
import { buildMakeCall } from './make-call.ts'
import { buildMockedCalls } from './mocking.ts'
import { buildPaging, type Paging } from './paging.ts'
import { type Account, buildCredentialSource } from './refresh.ts'
import { buildResolver, type ResolvedCall } from './resolve.ts'
import { buildTraceRecorder } from './trace-recorder.ts'
import { waitWithin } from './wait-within.ts'

const NO_CREDENTIALS: Credentials = new Secret({})
/** What this process remembers may be two refreshes of other processes behind, and the last of them expired too. */
const MAX_RENEWALS = 3
const VERIFY_TIMEOUT_MS = 20_000

interface Parts {
  db: Database
  vault: Vault
  http: HttpClient
  files: Files
  /** Runs the handlers of custom auth methods. */
  sandbox: Pick<Sandbox, 'run'>
  log: Logger
  /** Counts calls over all processes. */
  countCall?: CountCall
  /** A link by which the owner of an expired account connects it anew; without, the hint names the tools. */
  reconnectLink?: (scope: TenantScope, connection: SealedConnectionRow) => Promise<string | undefined>
}

export function buildConnections({
  db,
  vault,
  http,
  files,
  sandbox,
  log,
  reconnectLink,
  countCall,
}: Parts): Connections {
  const resolver = buildResolver(db)
  const recorder = buildTraceRecorder(db, log)

  const make = buildMakeCall({ http, files, recorder, sandbox, countCall })
  const hintFor = async (scope: TenantScope, connection: SealedConnectionRow): Promise<string> => {
    const link = await reconnectLink?.(scope, connection).catch((error: Error) => {
      log.warn({ connection: connection.id, err: error.message }, 'no reconnect link could be made')
      return undefined
    })
    return reconnectHint(connection, link)
  }
  const source = buildCredentialSource({
    db,
    vault,
    tokens: buildTokenRequests(http),
    log,
    changed: resolver.forget,
    reconnectHint: hintFor,
  })

  /** Calls with an account's credentials; again with newer ones when the provider calls these expired. */
  const makeAs = async (
    scope: TenantScope,
    call: ResolvedCall,
    input: JsonObject,
    context: CallContext,
    signal: AbortSignal | undefined,
  ) => {
    const { connection, connector, authMethod } = call
    if (connection === null || authMethod === null) {
      return make(scope, call, NO_CREDENTIALS, input, context, signal)
    }
    const account: Account = { connector, authMethod, connection }
    const deadline = performance.now() + (context.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const left = () => Math.max(1, Math.ceil(deadline - performance.now()))
    const within = <T>(work: Promise<T>) => waitWithin(work, 'a token', { ms: left(), signal })
    let now = await within(source.current(scope, account))
    for (let tries = 1; ; tries += 1) {
      try {
        return await make(scope, call, now.credentials, input, { ...context, timeoutMs: left() }, signal)
      } catch (error) {
        const hopeless = !now.renewable || now.fresh || tries > MAX_RENEWALS
        if (!isExpiredError(error as AppError) || hopeless) throw error
      }
      now = await within(source.renewed(scope, account, now.revision))
    }
  }

  /** @throws AppError whatever the verification call throws */
  const tryCall = async (
    scope: TenantScope,
    trial: { call: ResolvedCall; input: JsonObject } | undefined,
    /** Those to try; null: the connection's own. */
    credentials: Credentials | null,
    customerId: string | null,
    signal: AbortSignal | undefined,
  ): Promise<Verification> => {
    if (trial === undefined) {
      return { verified: false, detail: 'The connector has no verification call; nothing was tried.' }
    }
    const { call, input } = trial
    const context = { customerId, timeoutMs: VERIFY_TIMEOUT_MS }
    const { status } =
      credentials === null
        ? await makeAs(scope, call, input, context, signal)
        : await make(scope, call, credentials, input, context, signal)
    return { verified: true, detail: `${call.connector.slug}.${call.action.slug} was answered ${status}.` }
  }

  /** The connector's verification call with one of its auth methods, if it has such a call. */
  const verificationOf = async (
    tx: Tx,
    account: { connector: string; authMethod: string; baseUrl: string | null; customerId: string | null },
    connection: SealedConnectionRow | null,
  ): Promise<{ call: ResolvedCall; input: JsonObject } | undefined> => {
    const found = await resolver.verification(tx, account.connector, account.customerId)
    if (found === undefined) return undefined
    const { head, input, ...call } = found
    const authMethod = head.authMethods.find(({ slug }) => slug === account.authMethod)
    if (authMethod === undefined) {
      throw conflict(`The connector ${head.slug} has no auth method '${account.authMethod}'.`, {
        hint: 'Choose one that get_connector shows; for a customer held on an older version, one that version has.',
      })
    }
    const to = account.baseUrl === null ? head : { ...head, baseUrl: account.baseUrl }
    return { call: { ...call, head: to, authMethod, connection }, input }
  }

  /** Adds to "this connection is expired" (or failed) how its owner connects it again. */
  const withReconnectLink = async (scope: TenantScope, error: AppError): Promise<never> => {
    const { connection: id, status } = error.data ?? {}
    if (typeof id !== 'string' || (status !== 'expired' && status !== 'failed')) throw error
    const row = await db.read(scope, (tx) => getSealedConnection(tx, id))
    if (row === undefined) throw error
    throw enrich(error, { hint: await hintFor(scope, row) })
  }

  const resolved: (scope: TenantScope, request: Parameters<Connections['look']>[1]) => Promise<ResolvedCall> =
    (scope, { connector, action, customerId, connection = null }) =>
      resolver
        .resolve(scope, { connector, action, customerId, connection })
        .catch((error: AppError) => withReconnectLink(scope, error))

  const connections: Omit<Connections, keyof Paging | 'mocked'> = {
    look: async (scope, request) => {
      const { connection, action } = await resolved(scope, request)
      return { connection: connection?.id ?? null, paged: action.pagination !== undefined }
    },

    runAction: async (scope, request, signal) => {
      const call = await resolved(scope, request)
      return makeAs(scope, call, request.input, request, signal).catch(async (error: AppError) => {
        if (call.connection === null || !refusesCredentials(error)) throw error
        if (error.data?.status === 'expired') throw error // says how to reconnect already
        throw enrich(error, {
          hint: `${error.hint ?? ''} ${reconnectHint(call.connection, undefined)}`.trim(),
        })
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
          customerId: found.customer_id,
        }
        return { connection: found, trial: await verificationOf(tx, account, found) }
      })
      const note = async (failure: string | null) => {
        await db.tenant(scope, async (tx) => {
          await noteVerification(tx, connectionId, failure)
          const now = await getConnection(tx, connectionId)
          // Told when it turns, not each time it is found so.
          if (failure !== null && now?.status === 'failed' && connection.status !== 'failed')
            await tellOfConnection(tx, scope.organizationId, 'failed', now)
        })
        resolver.forget(scope.organizationId)
      }
      try {
        const outcome = await tryCall(scope, trial, null, connection.customer_id, signal)
        if (outcome.verified) await note(null)
        return outcome
      } catch (cause) {
        const error = toAppError(cause)
        // Expired: that is noted already, and the error says how to reconnect.
        if (!refusesCredentials(error) || error.data?.status === 'expired') throw error
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
  const { runAction } = connections
  return {
    ...connections,
    ...buildPaging({ db, vault }, resolver, runAction),
    mocked: (mocks) => buildMockedCalls({ db, vault, resolver, make, runAction }, mocks),
  }
}
