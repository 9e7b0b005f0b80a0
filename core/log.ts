import { pino } from 'pino'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: object): Logger
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** An error as it is logged. Postgres quotes rows and parameters in some fields: those are the customers' data. */
function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const logged: Record<string, unknown> = { ...pino.stdSerializers.err(error) }
  if (logged.severity === undefined || logged.routine === undefined) return logged
  const { detail: _detail, where: _where, internalQuery: _query, ...rest } = logged
  return rest
}

/** Structured JSON lines on stderr: stdout belongs to the protocol when MCP runs over stdio. */
export function buildLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      serializers: { err: loggedError },
      redact: {
        paths: ['*.authorization', '*.password', '*.token', '*.secret', '*.credentials', '*.apiKey'],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
