import { AppError, type ErrorCode, errorCodes } from '../../core/errors.ts'
import type { Problem } from '../http/problem.ts'

const PROBE_MS = 1_000

/** Does a Patchbay server answer there? */
export async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) })).ok
  } catch {
    return false // nobody listens, which is what was asked
  }
}

/**
 * Calls a tool of a server by its name.
 * @throws AppError the one the server answered with, or `unavailable` when it does not answer
 */
export async function callOverHttp(
  server: { url: string; key: string },
  tool: string,
  input: Record<string, unknown>,
): Promise<unknown> {
  const response = await fetch(`${server.url}/api/v1/tools/${tool}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  }).catch((cause: Error) => {
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message
    throw new AppError('unavailable', `${server.url} does not answer: ${reason}`, {
      hint: 'Start it with `npm start`, or correct --url or PATCHBAY_URL.',
      cause,
    })
  })
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw notPatchbay(server.url, response.status, cause)
  })
  if (response.ok) return body
  if (!isProblem(body)) throw notPatchbay(server.url, response.status, body)
  const { code, detail, where, hint, retryable, retryAfterSeconds, data, instance } = body
  throw new AppError(code, detail, {
    ...(where === undefined ? {} : { where }),
    hint: code === 'internal' ? `${hint ?? ''} (reference ${instance})`.trim() : (hint ?? ''),
    retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(data === undefined ? {} : { data }),
  })
}

function isProblem(body: unknown): body is Problem {
  const code = (body as { code?: unknown } | null)?.code
  return typeof code === 'string' && Object.hasOwn(errorCodes, code as ErrorCode)
}

const notPatchbay = (url: string, status: number, cause: unknown) =>
  new AppError('upstream_error', `${url} answered ${status}, and not as a Patchbay server does.`, {
    hint: 'Check --url or PATCHBAY_URL: it is the address of the server, without /api/v1.',
    cause,
  })
