import { AppError } from '../../core/errors.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { ImportReport } from '../../runtime/connectors/import/report.ts'
import { UNKNOWN_HOST } from '../../runtime/connectors/server-url.ts'
import type { HttpClient } from '../../runtime/http/client.ts'

const MAX_BYTES = 32 * 1024 * 1024
const TIMEOUT_MS = 60_000
const HINT = 'Check the address, or give the document itself in `spec`.'

/** The text at an address. @throws AppError `upstream_error`, `timeout`, `forbidden` (address refused) */
export async function fetchSpecification(
  http: HttpClient,
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const response = await http
    .request(
      {
        method: 'GET',
        url,
        headers: { accept: 'application/json, application/yaml, text/yaml, */*;q=0.5' },
        timeoutMs: TIMEOUT_MS,
        maxResponseBytes: MAX_BYTES,
      },
      signal,
    )
    .catch((error: unknown) => {
      throw ofAddress(error)
    })
  if (response.status !== 200) {
    throw new AppError(
      'upstream_error',
      `The address of the document answered with status ${response.status}.`,
      {
        where: 'url',
        hint: HINT,
        retryable: response.status >= 500,
        data: { status: response.status },
      },
    )
  }
  return new TextDecoder().decode(response.body)
}

/** The HTTP client knows of base URLs and not of the field that named this address. */
function ofAddress(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code === 'cancelled') return error
  const { code, message, hint, retryable, retryAfterSeconds, data } = error
  return new AppError(code, message, {
    where: 'url',
    hint: code === 'forbidden' && hint !== undefined ? hint : HINT,
    retryable,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(data === undefined ? {} : { data }),
    cause: error,
  })
}

/** A relative server is relative to the document's own address (OpenAPI 3.1, section 4.8.5). */
export function resolveAgainst(
  url: string,
  definition: ConnectorDefinition,
  report: ImportReport,
): { definition: ConnectorDefinition; report: ImportReport } {
  const unknown = `https://${UNKNOWN_HOST}`
  if (!definition.baseUrl.startsWith(unknown)) return { definition, report }
  const { origin } = new URL(url)
  const known = (text: string) => (text.startsWith(unknown) ? origin + text.slice(unknown.length) : text)
  return {
    definition: {
      ...definition,
      baseUrl: known(definition.baseUrl),
      actions: definition.actions.map((action) =>
        action.baseUrl === undefined ? action : { ...action, baseUrl: known(action.baseUrl) },
      ),
    },
    report: {
      ...report,
      warnings: [
        ...report.warnings.filter(({ message }) => !message.includes('on which host the API is')),
        {
          where: '#/servers',
          message: `The server is relative; the API is taken to be on the document's host, ${origin}.`,
        },
      ],
    },
  }
}
