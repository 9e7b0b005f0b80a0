import { invalidInput, toAppError, toErrorBody } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import type { HttpClient, HttpResponse } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import { applyAuth } from './apply-auth.ts'
import type { AuthMethod } from './auth-method.ts'
import type { ConnectorDefinition } from './definition.ts'
import { type BuiltRequest, buildRequest } from './request.ts'
import { decodeBody } from './response.ts'
import { UNKNOWN_HOST } from './server-url.ts'
import { statusError } from './status-error.ts'
import { buildRedactor, buildTrace, type CallTrace, type Redactor } from './trace.ts'
import { validateInput } from './validate-input.ts'

export type { CallTrace } from './trace.ts'

export interface ActionResult {
  /** Parsed JSON, text, `{contentType, base64, bytes}`, or null. */
  output: Json
  status: number
  headers: Record<string, string>
  durationMs: number
}

export interface CallOptions {
  http: HttpClient
  connector: Pick<ConnectorDefinition, 'slug' | 'baseUrl' | 'variables' | 'schemas'>
  action: ActionDefinition
  authMethod: AuthMethod
  credentials: Secret<Record<string, string>>
  input: JsonObject
  signal?: AbortSignal
  timeoutMs?: number
  maxResponseBytes?: number
  /** Check the input against the action's schema first. Default true. */
  validateInput?: boolean
  /** Extra headers, such as an idempotency key; they never replace the credentials. */
  headers?: Record<string, string>
  /** Told once about every request that was sent, whether it succeeded or not. */
  onTrace?: (trace: CallTrace) => void
}

const USER_AGENT = 'Patchbay'

/**
 * Calls an action: checks the input, builds the request, adds the credentials, sends it, decodes the answer.
 * The answer is returned as it came, also where it does not fit the action's output schema.
 *
 * @throws AppError `invalid_input`, `unauthenticated` (a credential is missing), `upstream_error` (a status
 * outside 2xx, with `data.status` and `data.body`; or the network), `forbidden`, `timeout`, `cancelled`.
 */
export async function callAction(options: CallOptions): Promise<ActionResult> {
  const { connector, action, authMethod } = options
  if (options.validateInput !== false) validateInput(connector.schemas, action, options.input)
  const built = buildRequest(connector, action, options.input)
  refuseUnknownHost(built, connector.slug)
  const credentials = options.credentials.reveal()
  const isPublic = action.auth !== undefined && action.auth.length === 0
  const headers = { 'user-agent': USER_AGENT, ...built.headers, ...lowerCase(options.headers ?? {}) }
  const unsigned = { ...built, headers }
  const request = isPublic ? unsigned : applyAuth(unsigned, authMethod, credentials)
  const redactor = buildRedactor(authMethod, credentials)
  return send(options, request, redactor)
}

async function send(options: CallOptions, request: BuiltRequest, redactor: Redactor): Promise<ActionResult> {
  const { connector, action, onTrace } = options
  const startedAt = performance.now()
  let response: HttpResponse | undefined
  try {
    response = await options.http.request(
      {
        ...request,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...(options.maxResponseBytes === undefined ? {} : { maxResponseBytes: options.maxResponseBytes }),
      },
      options.signal,
    )
    if (response.status < 200 || response.status > 299) {
      throw statusError(response, connector.slug, action.slug, redactor)
    }
  } catch (error) {
    onTrace?.(
      buildTrace(redactor, action.slug, request, {
        ...(response === undefined ? {} : { response }),
        error: toErrorBody(toAppError(error)),
        durationMs: performance.now() - startedAt,
      }),
    )
    throw error
  }
  const { durationMs } = response
  onTrace?.(buildTrace(redactor, action.slug, request, { response, durationMs }))
  return { output: decodeBody(response), status: response.status, headers: response.headers, durationMs }
}

function refuseUnknownHost(request: BuiltRequest, slug: string): void {
  if (new URL(request.url).hostname !== UNKNOWN_HOST) return
  throw invalidInput(`The connector '${slug}' does not say where its API is.`, {
    where: 'connector.baseUrl',
    hint: "Set the connector's baseUrl: the imported document names no host.",
  })
}

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
