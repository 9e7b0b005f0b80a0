import type { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { refusesCredentials } from '../../runtime/connections/hints.ts'
import type { CredentialField } from '../../runtime/connectors/definition.ts'
import { messageIn } from '../../runtime/connectors/status-error.ts'
import type { Choice } from './view.ts'

const MAX_REASON_CHARS = 300

/** A problem as the person at the page may put it right; our own errors speak to agents. */
export interface Complaint {
  message: string
  /** What the provider said, word for word. */
  reason?: string
  /** Fields it is about; none: all of it. */
  fields: string[]
}

/** What a person left out. */
export const leftOut = (
  fields: readonly CredentialField[],
  given: Record<string, string>,
): CredentialField[] => fields.filter(({ name, optional }) => optional !== true && (given[name] ?? '') === '')

/** @param reference names this answer in the server's log */
export function explain(error: AppError, { app, method }: Choice, reference: string): Complaint {
  const name = app.connector.name
  if (refusesCredentials(error)) {
    const reason = reasonIn(error)
    return {
      message: `${name} did not accept ${whatItIs(method.type)}.`,
      ...(reason === undefined ? {} : { reason }),
      fields: ownFields[method.type] ?? [],
    }
  }
  switch (error.code) {
    case 'limit_exceeded':
      return {
        message: `Too many attempts. Try again in ${error.retryAfterSeconds ?? 60} seconds.`,
        fields: [],
      }
    case 'upstream_error': {
      const reason = reasonIn(error)
      return {
        message: `${name} answered with an error, so it is not known whether this works.`,
        ...(reason === undefined ? {} : { reason }),
        fields: [],
      }
    }
    case 'timeout':
    case 'unavailable':
      return { message: `${name} could not be reached. Try again in a moment.`, fields: [] }
    case 'conflict':
    case 'invalid_input':
    case 'not_found':
      return { message: error.message, fields: [] }
    default:
      return { message: `Something went wrong on our side. Reference: ${reference}`, fields: [] }
  }
}

const ownFields: Record<string, string[]> = {
  api_key: ['apiKey'],
  basic_auth: ['username', 'password'],
  bearer_token: ['token'],
}

const whatItIs = (type: Choice['method']['type']): string => {
  if (type === 'api_key') return 'this API key'
  if (type === 'bearer_token') return 'this token'
  if (type === 'basic_auth') return 'this user name and password'
  return 'these credentials'
}

/** Credentials are redacted from it already. */
function reasonIn(error: AppError): string | undefined {
  const said = error.data?.body === undefined ? undefined : messageIn(error.data.body as Json)
  return said?.slice(0, MAX_REASON_CHARS)
}
