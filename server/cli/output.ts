import type { Readable } from 'node:stream'
import { type AppError, type ErrorCode, errorCodes } from '../../core/errors.ts'

/** How the command line is called from a checkout: no program of its own name is installed, and this one has the right Node. */
export const COMMAND = 'npm run -s patchbay --'

/** What the command line needs of the process it runs in. */
export interface Io {
  stdin: Readable
  stdout: { write(text: string): unknown; isTTY?: boolean; columns?: number }
  stderr: { write(text: string): unknown }
  env: Record<string, string | undefined>
}

/** Exit codes by class of error, for scripts. 0 is success. */
export const exitCodes: Record<ErrorCode, number> = {
  internal: 1,
  invalid_input: 2,
  unauthenticated: 3,
  forbidden: 4,
  not_found: 5,
  conflict: 6,
  limit_exceeded: 7,
  upstream_error: 8,
  unavailable: 9,
  timeout: 10,
  misconfigured: 11,
  cancelled: 130,
}

export const exitCodeOf = (error: AppError): number => exitCodes[error.code]

/** Indented for a person, one line for a program. */
export function printJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, null, io.stdout.isTTY === true ? 2 : undefined)}\n`)
}

export function printError(io: Io, error: AppError): void {
  const lines = [
    `Error (${error.code}): ${error.message}`,
    ...(error.where === undefined ? [] : [`  where: ${error.where}`]),
    ...(error.hint === undefined ? [] : [`  next:  ${error.hint}`]),
    ...(error.retryAfterSeconds === undefined ? [] : [`  retry: in ${error.retryAfterSeconds} s`]),
    // Of an error in Patchbay itself the cause is all there is to report; run locally, there is no log to find it in.
    ...(errorCodes[error.code].status === 500 && error.cause instanceof Error
      ? [`  cause: ${error.cause.message}`]
      : []),
  ]
  io.stderr.write(`${lines.join('\n')}\n`)
}
