/**
 * The one error family of Patchbay. Every failure a caller can meet is an {@link AppError}: a stable
 * `code`, a message that says what was wrong, `where` it was, and a `hint` with the next thing to do.
 * Each door maps it to its own form: RFC 9457 problem documents over HTTP, `isError` results over MCP,
 * exit codes on the command line.
 */

export const errorCodes = {
  invalid_input: { status: 400, retryable: false },
  unauthenticated: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  conflict: { status: 409, retryable: false },
  limit_exceeded: { status: 429, retryable: true },
  cancelled: { status: 499, retryable: false },
  misconfigured: { status: 500, retryable: false },
  internal: { status: 500, retryable: false },
  upstream_error: { status: 502, retryable: true },
  unavailable: { status: 503, retryable: true },
  timeout: { status: 504, retryable: true },
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ErrorDetails {
  /** Field, parameter, file or line the error is about, e.g. `input.routes[0].filter`. */
  where?: string
  /** The next thing to do, for an agent to act on and a person to read. */
  hint?: string
  /** Overrides the code's default: may the same call succeed if tried again? */
  retryable?: boolean
  /** Seconds to wait before trying again, when known. */
  retryAfterSeconds?: number
  /** Structured facts that help (never secrets): statuses, limits, lists of issues. */
  data?: Record<string, unknown>
  cause?: unknown
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly where: string | undefined
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly retryAfterSeconds: number | undefined
  readonly data: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'AppError'
    this.code = code
    this.where = details.where
    this.hint = details.hint
    this.retryable = details.retryable ?? errorCodes[code].retryable
    this.retryAfterSeconds = details.retryAfterSeconds
    this.data = details.data
  }

  get status(): number {
    return errorCodes[this.code].status
  }
}

/** The shape of an error on the wire, the same at every door. */
export interface ErrorBody {
  code: ErrorCode
  message: string
  where?: string
  hint?: string
  retryable: boolean
  retryAfterSeconds?: number
  data?: Record<string, unknown>
}

export function toErrorBody(error: AppError): ErrorBody {
  return {
    code: error.code,
    message: error.message,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.data === undefined ? {} : { data: error.data }),
  }
}

export const invalidInput = (message: string, details?: ErrorDetails) =>
  new AppError('invalid_input', message, details)
export const notFound = (what: string, id: string, hint?: string) =>
  new AppError('not_found', `No ${what} '${id}'.`, hint === undefined ? {} : { hint })
export const conflict = (message: string, details?: ErrorDetails) =>
  new AppError('conflict', message, details)

/** The error as a caller may see it: anything unforeseen becomes `internal`, its cause kept for the log. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof Error && error.name === 'AbortError') {
    return new AppError('cancelled', 'The call was cancelled.', { cause: error })
  }
  return new AppError('internal', 'Something went wrong inside Patchbay.', {
    cause: error,
    hint: 'Try again; if it keeps failing, report the reference id from the response to the operator.',
  })
}
