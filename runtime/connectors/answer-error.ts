import { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'
import type { HttpResponse } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import type { ConnectorDefinition } from './definition.ts'
import type { ErrorRule } from './error-rule.ts'
import { answerMatches, isExpired } from './expiry.ts'
import { retryAfter } from './retry-after.ts'
import { excerpt, MAX_MESSAGE_CHARS, messageIn, statusError } from './status-error.ts'
import type { Redactor } from './trace.ts'

type Judged = Pick<ConnectorDefinition, 'slug' | 'errors' | 'expiry' | 'rateLimit'>

/**
 * What an answer means, if it means failure: by the action's error rules, the connector's, its expiry predicate,
 * and the status. An answer that says the credentials have expired is marked with `data.expired`.
 *
 * @param output the decoded body
 */
export function answerError(
  connector: Judged,
  action: Pick<ActionDefinition, 'slug' | 'errors'>,
  response: HttpResponse,
  output: Json,
  redactor: Redactor,
): AppError | undefined {
  const { status, headers } = response
  const answer = { status, headers, body: output }
  const call = `${connector.slug}.${action.slug}`
  const rule = [...(action.errors ?? []), ...(connector.errors ?? [])].find(({ when }) =>
    answerMatches(when, answer),
  )
  const expired = isExpired(connector, answer)
  if (rule !== undefined) return ruleError(rule, call, response, output, expired, redactor)
  if (status < 200 || status > 299) {
    const error = statusError(response, output, call, connector, redactor)
    return expired ? marked(error) : error
  }
  if (!expired) return undefined
  return new AppError('unauthenticated', `${call} was answered that the credentials have expired.`, {
    hint: 'Renew the credentials of this connection.',
    data: { status, body: excerpt(output, redactor), expired: true },
  })
}

function ruleError(
  rule: ErrorRule,
  call: string,
  { status, headers }: HttpResponse,
  output: Json,
  expired: boolean,
  redactor: Redactor,
): AppError {
  const at = rule.message === undefined ? undefined : valueAt(output, rule.message)
  const said = typeof at === 'string' ? at : at === undefined ? messageIn(output) : JSON.stringify(at)
  // Redacted before it is cut: half a credential would not be recognized.
  const reason = said === undefined ? '' : `: ${redactor.text(said).slice(0, MAX_MESSAGE_CHARS)}`
  const retryAfterSeconds = retryAfter(headers['retry-after'], Date.now())
  return new AppError(
    rule.code ?? 'upstream_error',
    `${call} was answered ${status}, which means failure here${reason}`,
    {
      hint: HINTS[rule.code ?? 'upstream_error'],
      retryable: rule.retryable ?? false,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      data: {
        status,
        body: excerpt(output, redactor),
        rule: true,
        ...(expired ? { expired: true } : {}),
      },
    },
  )
}

const HINTS: Record<NonNullable<ErrorRule['code']>, string> = {
  upstream_error: 'data.body is what the app answered.',
  unauthenticated: 'Check or renew the credentials of this connection.',
  forbidden: 'Check that the connected account and its scopes allow this action.',
  not_found: 'Check the identifiers in the input; data.body may say which thing was not found.',
  invalid_input: 'Correct the input by what data.body says.',
  limit_exceeded: 'Wait a little, then try again.',
}

const marked = (error: AppError): AppError =>
  new AppError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    data: { ...error.data, expired: true },
  })
