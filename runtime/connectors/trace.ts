import type { ErrorBody } from '../../core/errors.ts'
import { redactHeaders, redactText } from '../../core/secret.ts'
import type { HttpResponse } from '../http/client.ts'
import { apiKeyName } from './apply-auth.ts'
import type { AuthMethod } from './auth-method.ts'
import { encodeStrict } from './encoding.ts'
import type { BuiltRequest } from './request.ts'
import { isTextual } from './response.ts'

/** The record of one call, for logs and people: bounded, and without the credentials. */
export interface CallTrace {
  /** Slug of the action. */
  action: string
  method: string
  /** Credentials in the query read `[redacted]`. */
  url: string
  /** Absent when no response came. */
  status?: number
  durationMs: number
  requestHeaders: Record<string, string>
  /** At most 16 KB of text; a note for bytes. */
  requestBody?: string
  responseHeaders?: Record<string, string>
  responseBody?: string
  error?: ErrorBody
  /** Which attempt of the call it was, from 1. */
  attempt: number
  /** How the answer differs from the action's output schema. */
  warnings?: string[]
  /** Id of the file the response body was kept as. */
  file?: string
}

const MAX_BODY_CHARS = 16 * 1024
const REDACTED = '[redacted]'

/** Hides the credentials of one call wherever they could show. */
export interface Redactor {
  text(text: string): string
  headers(headers: Record<string, string>): Record<string, string>
  url(url: string): string
  /** A body as bounded text. */
  body(body: string | Uint8Array | undefined, contentType: string): string | undefined
}

export function buildRedactor(method: AuthMethod, credentials: Record<string, string>): Redactor {
  // A region or a shop's name is not hidden wherever it stands.
  const shown = new Set((method.fields ?? []).filter(({ secret }) => !secret).map(({ name }) => name))
  const secrets = secretForms(
    Object.fromEntries(Object.entries(credentials).filter(([name]) => !shown.has(name))),
  )
  const longest = secrets[0]?.length ?? 0
  const keyName = method.type === 'api_key' ? apiKeyName(method) : undefined

  const text = (value: string) => redactText(value, secrets)
  return {
    text,
    headers(headers) {
      const safe = redactHeaders(headers)
      for (const name of Object.keys(safe)) {
        if (keyName !== undefined && name.toLowerCase() === keyName.toLowerCase()) safe[name] = REDACTED
        else safe[name] = text(safe[name] ?? '')
      }
      return safe
    },
    url(url) {
      const [path = '', query] = url.split('?', 2)
      if (query === undefined) return text(url)
      const parts = query.split('&').map((part) => {
        const [name = ''] = part.split('=', 1)
        return method.in === 'query' && keyName !== undefined && name === encodeStrict(keyName)
          ? `${name}=${REDACTED}`
          : part
      })
      return text(`${path}?${parts.join('&')}`)
    },
    body(body, contentType) {
      if (body === undefined) return undefined
      if (typeof body !== 'string' && !isTextual(contentType)) {
        return `(${body.byteLength} bytes of ${contentType === '' ? 'unknown type' : contentType})`
      }
      // Cut after the longest secret that could begin inside the part that is kept, then redact, then bound.
      const window = MAX_BODY_CHARS + longest
      const head =
        typeof body === 'string'
          ? body.slice(0, window)
          : new TextDecoder().decode(body.subarray(0, window * 4))
      const safe = text(head)
      return safe.length <= MAX_BODY_CHARS ? safe : `${safe.slice(0, MAX_BODY_CHARS)}… (cut)`
    },
  }
}

/** The same, hiding further values too. */
export function hidingAlso(redactor: Redactor, values: readonly string[]): Redactor {
  const secrets = secretForms(Object.fromEntries(values.map((value, index) => [`issued${index}`, value])))
  const hide = (value: string) => redactText(value, secrets)
  return {
    text: (text) => redactor.text(hide(text)),
    headers: (headers) =>
      redactor.headers(
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hide(value)])),
      ),
    url: (url) => redactor.url(hide(url)),
    body: (body, contentType) =>
      redactor.body(
        body === undefined || (typeof body !== 'string' && !isTextual(contentType))
          ? body
          : hide(typeof body === 'string' ? body : new TextDecoder().decode(body)),
        contentType,
      ),
  }
}

/** Every credential in every form it can take on the wire, longest first. */
function secretForms(credentials: Record<string, string>): string[] {
  const forms = new Set<string>()
  const values = Object.values(credentials)
  const pair = `${credentials.username ?? ''}:${credentials.password ?? ''}`
  for (const value of [...values, ...(pair === ':' ? [] : [pair])]) {
    forms.add(value)
    forms.add(encodeURIComponent(value.toWellFormed()))
    forms.add(encodeStrict(value))
    forms.add(new URLSearchParams({ v: value }).toString().slice(2))
    forms.add(JSON.stringify(value).slice(1, -1))
    forms.add(Buffer.from(value).toString('base64'))
  }
  forms.delete('')
  return [...forms].sort((a, b) => b.length - a.length)
}

export function buildTrace(
  redactor: Redactor,
  action: string,
  request: BuiltRequest,
  outcome: {
    attempt: number
    response?: HttpResponse | undefined
    error?: ErrorBody
    durationMs: number
    warnings?: string[]
    file?: string | undefined
  },
): CallTrace {
  const { attempt, response, error, durationMs, warnings = [], file } = outcome
  const requestBody = redactor.body(request.body, request.headers['content-type'] ?? '')
  const responseBody =
    response === undefined || response.body.byteLength === 0
      ? undefined
      : redactor.body(response.body, response.headers['content-type'] ?? 'text/plain')
  return {
    action,
    method: request.method,
    url: redactor.url(request.url),
    ...(response === undefined ? {} : { status: response.status }),
    durationMs,
    requestHeaders: redactor.headers(request.headers),
    ...(requestBody === undefined ? {} : { requestBody }),
    ...(response === undefined ? {} : { responseHeaders: redactor.headers(response.headers) }),
    ...(responseBody === undefined ? {} : { responseBody }),
    ...(error === undefined ? {} : { error }),
    attempt,
    ...(warnings.length === 0 ? {} : { warnings: warnings.map(redactor.text) }),
    ...(file === undefined ? {} : { file }),
  }
}
