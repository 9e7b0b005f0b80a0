import { AppError } from '../../core/errors.ts'

export interface FailureContext {
  url: string
  timedOut: boolean
  timeoutMs: number
  cancelled: boolean
}

/** What a failed exchange means to the caller. AppErrors of ours (a refused address) pass unchanged. */
export function toNetworkError(error: unknown, context: FailureContext): AppError {
  const refused = ownError(error)
  if (refused !== undefined) return refused
  const host = URL.parse(context.url)?.host ?? 'the server'
  if (context.cancelled) return new AppError('cancelled', 'The request was cancelled.', { cause: error })
  const errno = errorCode(error)
  if (context.timedOut || errno === 'UND_ERR_CONNECT_TIMEOUT') {
    return new AppError('timeout', `${host} did not answer within ${context.timeoutMs} ms.`, {
      cause: error,
      hint: 'Try again, or allow more time for this call.',
      data: { timeoutMs: context.timeoutMs },
    })
  }
  // undici's complaints about the request itself (a line break in a header) cannot be cured by a retry.
  if (errno === 'UND_ERR_INVALID_ARG') {
    return new AppError('invalid_input', `The request cannot be sent: ${messageOf(error)}.`, {
      cause: error,
      hint: 'Check header names and values for line breaks and characters outside Latin-1.',
    })
  }
  return new AppError('upstream_error', `The request to ${host} failed: ${describe(errno, error)}.`, {
    cause: error,
    hint:
      errno === 'ENOTFOUND'
        ? 'Check the host name in the base URL.'
        : 'Try again; if it keeps failing, check that the server is up and the base URL is right.',
    data: { errno, host },
  })
}

function ownError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  if (error instanceof AggregateError) return error.errors.map(ownError).find((found) => found !== undefined)
  return error instanceof Error && error.cause instanceof AppError ? error.cause : undefined
}

function errorCode(error: unknown): string {
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code
    if (typeof code === 'string') return code
    if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
    if (error.cause instanceof Error) return errorCode(error.cause)
  }
  return 'UNKNOWN'
}

const READABLE: Record<string, string> = {
  ENOTFOUND: 'the host name does not exist (ENOTFOUND)',
  EAI_AGAIN: 'the name could not be resolved just now (EAI_AGAIN)',
  ECONNREFUSED: 'the connection was refused (ECONNREFUSED)',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  UND_ERR_SOCKET: 'the connection was closed before the response was complete',
}

function describe(errno: string, error: unknown): string {
  return READABLE[errno] ?? `${messageOf(error)}${errno === 'UNKNOWN' ? '' : ` (${errno})`}`
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message.slice(0, 300) : 'unknown failure'
}
