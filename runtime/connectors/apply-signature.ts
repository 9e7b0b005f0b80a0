import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { encodeStrict } from './encoding.ts'
import type { BuiltRequest } from './request.ts'

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
/** What says where a request goes and how long it is: not a handler's to say. */
const RESERVED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'trailer',
])

/**
 * The request with what a custom auth handler answered: `{headers?, query?}`, names and values as text. A header
 * it names takes the place of one that was there; it changes neither host nor path.
 *
 * @returns the request, and the values added, which are secrets
 * @throws AppError `unauthenticated` naming what of the answer cannot be sent
 */
export function withSignature(
  request: BuiltRequest,
  method: string,
  answer: Json,
): { request: BuiltRequest; added: string[] } {
  const refuse = (what: string) =>
    new AppError('unauthenticated', `The auth method '${method}' answered ${what}.`, {
      where: `authMethods.${method}.code`,
      hint: 'Return {headers: {…}, query: {…}} with texts, and correct it with update_connector.',
    })
  if (!isJsonObject(answer)) throw refuse('with no object')
  const unknown = Object.keys(answer).filter((key) => key !== 'headers' && key !== 'query')
  if (unknown.length > 0) throw refuse(`with '${unknown[0]}', which it cannot set`)
  const headers = { ...request.headers }
  for (const [name, value] of entries(answer.headers, 'headers', refuse)) {
    if (!TOKEN.test(name) || RESERVED.has(name.toLowerCase()))
      throw refuse(`with the header '${name.slice(0, 100)}', which it cannot set`)
    if (!VALUE.test(value)) throw refuse(`with a value of the header '${name}' that a header cannot carry`)
    headers[name.toLowerCase()] = value
  }
  const query = entries(answer.query, 'query', refuse)
  const search = query.map(([name, value]) => `${encodeStrict(name)}=${encodeStrict(value)}`).join('&')
  const separator = request.url.includes('?') ? '&' : '?'
  return {
    request: {
      ...request,
      headers,
      url: search === '' ? request.url : `${request.url}${separator}${search}`,
    },
    added: [
      ...entries(answer.headers, 'headers', refuse)
        .filter(([name]) => name.toLowerCase() !== 'date' && name.toLowerCase() !== 'content-type')
        .map(([, value]) => value),
      ...query.map(([, value]) => value),
    ],
  }
}

function entries(
  value: Json | undefined,
  what: string,
  refuse: (what: string) => AppError,
): [string, string][] {
  if (value === undefined || value === null) return []
  if (!isJsonObject(value)) throw refuse(`with ${what} that are no object`)
  return Object.entries(value).map(([name, one]): [string, string] => {
    if (typeof one === 'string') return [name, one]
    if (typeof one === 'number') return [name, String(one)]
    throw refuse(`with a value of ${what}.${name} that is no text`)
  })
}
