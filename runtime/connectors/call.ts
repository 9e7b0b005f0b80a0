import { AppError, invalidInput, toAppError, toErrorBody } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import { LARGE_BODY_BYTES } from '../http/body.ts'
import type { HttpClient, HttpResponse } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import { answerError } from './answer-error.ts'
import { applyAuth } from './apply-auth.ts'
import type { AuthMethod } from './auth-method.ts'
import type { ConnectorDefinition } from './definition.ts'
import { type LoadedFile, loadInputFiles } from './input-files.ts'
import { nextAddress } from './next-address.ts'
import { outputWarnings } from './output-warnings.ts'
import { type BuiltRequest, buildRequest } from './request.ts'
import { decodeBody, isFileBody, isJsonBody } from './response.ts'
import { type FileReference, responseFileName, safeContentType } from './response-file.ts'
import { idempotencyHeaders, isTransient, MAX_ATTEMPTS, mayRetry, retryDelayMs } from './retry.ts'
import { buildScrubber, type Scrubber } from './scrub.ts'
import { UNKNOWN_HOST } from './server-url.ts'
import { buildRedactor, buildTrace, type CallTrace, hidingAlso, type Redactor } from './trace.ts'
import { pause, type Traffic } from './traffic.ts'
import { validateInput } from './validate-input.ts'
import { isDescribedXml, readXmlAnswer } from './xml/read-answer.ts'

export type { CallTrace } from './trace.ts'

export interface ActionResult {
  /** Parsed JSON, text, null, or bytes: as a {@link FileReference} where files are kept, else `{contentType, base64, bytes}`. */
  output: Json
  status: number
  headers: Record<string, string>
  durationMs: number
  /** The address that answered. */
  url: string
  /** How the answer differs from the action's output schema; it is returned as it came all the same. */
  warnings: string[]
}

export type CalledConnector = Pick<
  ConnectorDefinition,
  | 'slug'
  | 'baseUrl'
  | 'variables'
  | 'schemas'
  | 'errors'
  | 'expiry'
  | 'rateLimit'
  | 'concurrency'
  | 'callRate'
>

/** Where a call finds the files its input refers to, and keeps a response that is one. */
export interface CallFiles {
  /** Bytes of a file. */
  size(id: string): Promise<number>
  read(id: string): Promise<LoadedFile>
  save(file: LoadedFile): Promise<FileReference>
}

export interface CallOptions {
  http: HttpClient
  connector: CalledConnector
  action: ActionDefinition
  authMethod: AuthMethod
  credentials: Secret<Record<string, string>>
  input: JsonObject
  signal?: AbortSignal
  /** Default 3, for calls that may be made again. */
  maxAttempts?: number
  /** For the whole call: waiting for a turn, every attempt, and what is between them. Default 30 s. */
  timeoutMs?: number
  maxResponseBytes?: number
  /** Check the input against the action's schema first. Default true. */
  validateInput?: boolean
  /** Extra headers, such as an idempotency key; they never replace the credentials. */
  headers?: Record<string, string>
  /** For APIs that take one, so that a call made again takes effect once. */
  idempotencyKey?: string
  /** Asked before each attempt is sent; what it throws is the end of the call. */
  beforeSend?: () => Promise<void>
  /** Secrets in the input, hidden like credentials in what is recorded. */
  hidden?: readonly string[]
  /** Secrets the app issues in its answer: hidden in the same way, and no answer that could not be read is recorded. */
  secretsIn?: (answer: Json) => readonly string[]
  /** The address of a next page, which the app gave: used in place of the action's own, on the same origin only. */
  url?: string
  /** Keeps the call within its account's limits. */
  traffic?: { traffic: Traffic; account: string }
  files?: CallFiles
  /** Signs requests of a `custom` auth method; see runtime/connections/signer.ts. */
  sign?: SignRequest
  /** Told about every request that was sent, whether it succeeded or not. */
  onTrace?: (trace: CallTrace) => void
}

/** Signs a request; gives it with what was added, which is hidden like a credential. */
export type SignRequest = (
  request: BuiltRequest,
  method: AuthMethod,
  credentials: Record<string, string>,
) => Promise<{ request: BuiltRequest; added: string[] }>

const USER_AGENT = 'Patchbay'
/** Of a call that does not say how long it may take. */
export const DEFAULT_TIMEOUT_MS = 30_000
/** Where responses are kept as files, they may be this large. */
const MAX_FILE_RESPONSE_BYTES = 50 * 1024 * 1024

/** A call that is built and checked, to be sent as often as it may be. */
interface PreparedCall {
  options: CallOptions
  /** Without credentials. */
  request: BuiltRequest
  /** Hides the credentials in what is recorded, */
  redactor: Redactor
  /** and in what the app answers. */
  scrubber: Scrubber
  deadline: number
}

/**
 * Calls an action: checks the input, builds the request, adds the credentials, sends it, decodes the answer.
 * A call that may be made again is, up to three times, when it fails in passing (see retry.ts). The answer is
 * returned as it came, also where it does not fit the action's output schema.
 *
 * @throws AppError `invalid_input`, `unauthenticated` (a credential is missing), `upstream_error` (a status
 * outside 2xx, with `data.status` and `data.body`; or the network), whatever an error rule of the connector says
 * the answer means, `limit_exceeded` (the account's rate limit), `forbidden`, `timeout`, `cancelled`. An answer
 * that says the credentials have expired has `data.expired`.
 */
export async function callAction(options: CallOptions): Promise<ActionResult> {
  const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  const { files, traffic } = options
  if (files === undefined)
    return callWith(options, deadline, { toCheck: options.input, toSend: options.input })
  let leaveLarge: (() => void) | undefined
  try {
    const read = async (id: string) => {
      if ((await files.size(id)) > LARGE_BODY_BYTES) {
        leaveLarge ??= await traffic?.traffic.enterLarge('request', deadline, options.signal)
      }
      return files.read(id)
    }
    return await callWith(options, deadline, await loadInputFiles(options.action.body, options.input, read))
  } finally {
    leaveLarge?.()
  }
}

async function callWith(
  options: CallOptions,
  deadline: number,
  {
    toCheck,
    toSend,
    ...loaded
  }: { toCheck: JsonObject; toSend: JsonObject; files?: Map<string, LoadedFile> },
): Promise<ActionResult> {
  const { connector, action } = options
  if (options.validateInput !== false) validateInput(connector.schemas, action, toCheck)
  const built = buildRequest(connector, action, toSend, loaded.files)
  refuseUnknownHost(built, connector.slug)
  const given = { ...built.headers, ...lowerCase(options.headers ?? {}) }
  return sendOften({
    options,
    deadline,
    request: {
      ...built,
      url: options.url === undefined ? built.url : nextAddress(options.url, built.url, options.authMethod),
      headers: {
        'user-agent': USER_AGENT,
        ...given,
        ...idempotencyHeaders(action, given, options.idempotencyKey),
      },
    },
    redactor: buildRedactor(options.authMethod, { ...options.credentials.reveal(), ...hiddenOf(options) }),
    scrubber: buildScrubber(options.authMethod, options.credentials.reveal()),
  })
}

async function sendOften(call: PreparedCall): Promise<ActionResult> {
  const { connector, action, signal, traffic } = call.options
  for (let attempt = 1; ; attempt += 1) {
    const leave = await traffic?.traffic.enter(traffic.account, connector, action, call.deadline, signal)
    let delayMs: number
    try {
      return await send(call, attempt)
    } catch (cause) {
      const error = toAppError(cause)
      delayMs = retryDelayMs(attempt, error)
      const late = performance.now() + delayMs >= call.deadline
      if (
        attempt >= (call.options.maxAttempts ?? MAX_ATTEMPTS) ||
        late ||
        !mayRetry(action) ||
        !isTransient(error)
      )
        throw cause
    } finally {
      leave?.()
    }
    await pause(delayMs, signal)
  }
}

async function send(call: PreparedCall, attempt: number): Promise<ActionResult> {
  const { options, scrubber } = call
  const { connector, action, files, traffic, onTrace } = options
  const isPublic = action.auth !== undefined && action.auth.length === 0
  const { request, redactor: redactsSent } = isPublic ? call : await authenticate(call)
  let redactor = redactsSent
  await options.beforeSend?.()
  const startedAt = performance.now()
  let response: HttpResponse | undefined
  let leaveLarge: (() => void) | undefined
  let kept: FileReference | undefined
  /** Did something come in which there may be a secret that could not be found? */
  let unread = options.secretsIn !== undefined
  try {
    const maxResponseBytes =
      options.maxResponseBytes ?? (files === undefined ? undefined : MAX_FILE_RESPONSE_BYTES)
    response = await options.http.request(
      {
        ...request,
        timeoutMs: Math.max(1, Math.ceil(call.deadline - startedAt)),
        ...(maxResponseBytes === undefined ? {} : { maxResponseBytes }),
        beforeLargeBody: async () => {
          leaveLarge ??= await traffic?.traffic.enterLarge('response', call.deadline, options.signal)
        },
      },
      options.signal,
    )
    traffic?.traffic.note(traffic.account, connector, action, response)
    const readsXml = isDescribedXml(connector.schemas, action, response)
    const asFile = files !== undefined && isFileBody(response, readsXml)
    const succeeded = response.status >= 200 && response.status <= 299
    // Values of JSON are scrubbed where they are decoded; anything else as it came.
    const safe =
      isJsonBody(response) && !asFile
        ? response
        : { ...response, body: scrubber.bytes(response.body, response.headers['content-type'] ?? '') }
    // Rules are about fields of JSON: what they deny ("ok is not true") would hold for any picture.
    const isContent = asFile && succeeded && !isJsonBody(response)
    const body = isContent ? null : scrubber.output(decodeBody(safe), response.body)
    const { output: decoded, warning } =
      readsXml && typeof body === 'string'
        ? readXmlAnswer(connector.schemas, action.outputSchema, body)
        : { output: body }
    if (options.secretsIn !== undefined) redactor = hidingAlso(redactsSent, options.secretsIn(decoded))
    unread = options.secretsIn !== undefined && succeeded && typeof decoded !== 'object'
    const error = isContent ? undefined : answerError(connector, action, response, decoded, redactor)
    if (error !== undefined) throw error
    if (asFile) {
      kept = await files.save({
        name: responseFileName(response),
        contentType: safeContentType(response.headers['content-type']),
        bytes: safe.body,
      })
    }
    const isOutput = kept === undefined && response.body.byteLength > 0
    const checked = isOutput && warning === undefined
    const warnings = checked ? outputWarnings(connector.schemas, action, decoded) : []
    if (warning !== undefined) warnings.push(warning)
    const { durationMs, status, headers, url } = response
    onTrace?.(
      buildTrace(redactor, action.slug, request, {
        attempt,
        response: unread ? withoutBody(response) : response,
        durationMs,
        warnings,
        file: kept?.file,
      }),
    )
    return {
      output: kept === undefined ? decoded : { ...kept },
      status,
      headers: scrubber.headers(headers),
      durationMs,
      url,
      warnings: warnings.map(redactor.text),
    }
  } catch (error) {
    onTrace?.(
      buildTrace(redactor, action.slug, request, {
        attempt,
        response: unread ? withoutBody(response) : response,
        error: toErrorBody(toAppError(error)),
        durationMs: performance.now() - startedAt,
      }),
    )
    throw error
  } finally {
    leaveLarge?.()
  }
}

/** The request with its credentials, and who hides them. Each attempt anew: signatures hold the time. */
async function authenticate({ options, request, redactor }: PreparedCall) {
  const { authMethod, sign } = options
  const credentials = options.credentials.reveal()
  if (authMethod.type !== 'custom') return { request: applyAuth(request, authMethod, credentials), redactor }
  if (sign === undefined) throw new AppError('internal', 'A custom auth method was called without a signer.')
  const signed = await sign(applyAuth(request, authMethod, credentials), authMethod, credentials).catch(
    (cause: unknown) => {
      const error = toAppError(cause)
      throw new AppError(error.code, redactor.text(error.message), {
        ...(error.where === undefined ? {} : { where: error.where }),
        ...(error.hint === undefined ? {} : { hint: redactor.text(error.hint) }),
        retryable: error.retryable,
      })
    },
  )
  const hidden = {
    ...Object.fromEntries(signed.added.map((value, index) => [`signature${index}`, value])),
    ...hiddenOf(options),
  }
  return { request: signed.request, redactor: buildRedactor(authMethod, { ...credentials, ...hidden }) }
}

const withoutBody = (response: HttpResponse | undefined) =>
  response && { ...response, body: new Uint8Array() }

const hiddenOf = ({ hidden = [] }: CallOptions): Record<string, string> =>
  Object.fromEntries(hidden.map((value, index) => [`hidden${index}`, value]))

function refuseUnknownHost(request: BuiltRequest, slug: string): void {
  if (new URL(request.url).hostname !== UNKNOWN_HOST) return
  throw invalidInput(`The connector '${slug}' does not say where its API is.`, {
    where: 'connector.baseUrl',
    hint: "Set the connector's baseUrl: the imported document names no host.",
  })
}

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
