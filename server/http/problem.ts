import type { Request, Response } from 'express'
import { AppError, type ErrorCode, toAppError } from '../../core/errors.ts'

/** Largest JSON body the API reads: API descriptions are sent to it as text. */
export const MAX_BODY_BYTES = 20 * 1024 * 1024

const titles: Record<ErrorCode, string> = {
  invalid_input: 'The request cannot be used as it is',
  unauthenticated: 'A valid API key is needed',
  forbidden: 'This key may not do that',
  not_found: 'Nothing here by that name',
  conflict: 'It does not fit what is there',
  limit_exceeded: 'Too much at once',
  cancelled: 'The call was cancelled',
  misconfigured: 'The server is not set up for this',
  internal: 'Something went wrong inside Patchbay',
  upstream_error: 'The other system refused or failed',
  unavailable: 'Not available right now',
  timeout: 'It took too long',
}

/** An error whose HTTP status is more exact than its code's own (405, 413, 415, 422). */
export class HttpError extends AppError {
  readonly #status: number

  constructor(status: number, ...rest: ConstructorParameters<typeof AppError>) {
    super(...rest)
    this.#status = status
  }

  override get status(): number {
    return this.#status
  }
}

/** An RFC 9457 problem document. `type` is stable for each code; docs/errors.md describes them. */
export interface Problem {
  type: `urn:patchbay:error:${ErrorCode}`
  title: string
  status: number
  detail: string
  /** Names this one answer; its last part is the `X-Request-Id` found in the server's log. */
  instance: string
  code: ErrorCode
  where?: string
  hint?: string
  retryable: boolean
  retryAfterSeconds?: number
  data?: Record<string, unknown>
}

export function toProblem(error: AppError, requestId: string): Problem {
  return {
    type: `urn:patchbay:error:${error.code}`,
    title: titles[error.code],
    status: error.status,
    detail: error.message,
    instance: `urn:patchbay:request:${requestId}`,
    code: error.code,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.data === undefined ? {} : { data: error.data }),
  }
}

/** Answers with the error as a problem document, and with `Retry-After` when the wait is known. */
export function sendProblem(res: Response, error: AppError, requestId: string): void {
  if (error.retryAfterSeconds !== undefined) res.set('Retry-After', String(error.retryAfterSeconds))
  res
    .status(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(toProblem(error, requestId)))
}

export function unknownRoute(req: Request): AppError {
  return new AppError('not_found', `There is nothing at ${req.method} ${req.path}.`, {
    where: req.path,
    hint: 'GET /api/v1/openapi.json describes every route.',
  })
}

export function methodNotAllowed(req: Request, allowed: readonly string[]): AppError {
  return new HttpError(405, 'invalid_input', `${req.path} does not take ${req.method}.`, {
    where: 'method',
    hint: `Use ${allowed.join(' or ')}. GET /api/v1/openapi.json describes every route.`,
    data: { allowed },
  })
}

/** Whatever a handler or Express itself threw, as one of our errors. */
export function fromHttpLayer(error: unknown): AppError {
  const { status, message } = error as { status?: unknown; message?: unknown }
  // A path that is not valid percent-encoding is all Express refuses by itself.
  if (error instanceof AppError || status !== 400) return toAppError(error)
  return new AppError('invalid_input', `The request cannot be read: ${String(message)}`, {
    where: 'path',
    hint: 'Send a correctly percent-encoded URL.',
    cause: error,
  })
}
