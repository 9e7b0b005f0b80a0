import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'
import { decodeBody } from '../connectors/response.ts'
import type { HttpResponse } from '../http/client.ts'
import type { OAuthProfile } from './settings.ts'

/**
 * A provider's token response in the form RFC 6749, 5.1 and 5.2 has: JSON with access_token, token_type,
 * refresh_token, expires_in and scope; or with error, under a status of failure. Providers differ in all of it:
 * form-encoded bodies, fields elsewhere, numbers as text, commas between scopes, errors inside a 200.
 */
export function standardTokenResponse(response: HttpResponse, profile: OAuthProfile): Response {
  const body = bodyOf(response)
  const headers = { 'content-type': 'application/json' }
  const failed = response.status >= 400
  const token =
    body === undefined ? undefined : valueAt(body, profile.tokenFields.accessToken ?? 'access_token')
  if (body !== undefined && (typeof token !== 'string' || token === '' || failed)) {
    const error = errorOf(body)
    if (error !== undefined || failed) {
      return Response.json(error ?? { error: `status_${response.status}` }, {
        status: failed ? response.status : 400,
        headers,
      })
    }
  }
  if (body === undefined) {
    return failed
      ? Response.json({ error: `status_${response.status}` }, { status: response.status, headers })
      : Response.json({}, { status: 200, headers })
  }
  return Response.json(standardFields(body, profile), { status: 200, headers })
}

function standardFields(body: JsonObject, profile: OAuthProfile): JsonObject {
  const { tokenFields } = profile
  const field = (path: string | undefined, name: string) => valueAt(body, path ?? name)
  const refreshToken = field(tokenFields.refreshToken, 'refresh_token')
  const expiresIn = toSeconds(field(tokenFields.expiresIn, 'expires_in'))
  const scope = scopesIn(field(tokenFields.scope, 'scope'), profile.scopeSeparator)
  return {
    access_token: field(tokenFields.accessToken, 'access_token') ?? null,
    // 'bot', 'user', 'token' and no type at all are all sent the same way: by what the auth method says.
    token_type: 'bearer',
    ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refresh_token: refreshToken } : {}),
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    ...(scope === undefined ? {} : { scope }),
  }
}

const toSeconds = (value: Json | undefined): number | undefined => {
  const seconds = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds > 0 ? seconds : undefined
}

function scopesIn(value: Json | undefined, separator: ' ' | ','): string | undefined {
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string').join(' ')
  if (typeof value !== 'string' || value === '') return undefined
  return separator === ' ' ? value : value.split(separator).join(' ')
}

/** The error an answer reports, under the names providers use. */
function errorOf(body: JsonObject): { error: string; error_description?: string } | undefined {
  const { error, error_description: description, message, error_code: code } = body
  const nested = isJsonObject(error) ? error : undefined
  const name = [error, nested?.code, nested?.type, nested?.status, code, body.code].find(
    (one) => typeof one === 'string' && one !== '',
  )
  if (typeof name !== 'string' && body.ok !== false && nested === undefined) return undefined
  const said = [description, nested?.message, message].find((one) => typeof one === 'string')
  return {
    error: typeof name === 'string' ? name : 'error',
    ...(typeof said === 'string' ? { error_description: said } : {}),
  }
}

function bodyOf(response: HttpResponse): JsonObject | undefined {
  const decoded = decodeBody(response)
  if (isJsonObject(decoded)) return decoded
  if (typeof decoded !== 'string') return undefined
  // Form-encoded (GitHub unless asked), or JSON under another label.
  try {
    const parsed = JSON.parse(decoded) as Json
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    const form = new URLSearchParams(decoded)
    return form.has('access_token') || form.has('error') ? Object.fromEntries(form) : undefined
  }
}
