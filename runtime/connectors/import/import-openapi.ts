import { setImmediate } from 'node:timers/promises'
import { AppError } from '../../../core/errors.ts'
import type { ActionDefinition } from '../action-definition.ts'
import type { ConnectorDefinition } from '../definition.ts'
import { slugify } from '../slug.ts'
import type { ImportContext } from './context.ts'
import { detectFormat } from './detect.ts'
import { buildDocuments, type SpecificationSource } from './documents.ts'
import { mapEvents } from './events.ts'
import { findOperations, skipReason } from './find-operations.ts'
import { defaultImportLimits, type ImportLimits } from './limits.ts'
import { nameOperations } from './names.ts'
import { nodeAt, textAt } from './nodes.ts'
import { mapOperation } from './operations.ts'
import { buildReport, type ImportReport } from './report.ts'
import { mapSecurity } from './security.ts'
import { mapServers } from './servers.ts'
import { buildSharedSchemas } from './shared-schemas.ts'
import { clip, plainText } from './text.ts'
import { guessVerification } from './verification.ts'

export interface ImportSource extends SpecificationSource {
  /** Name of the connector; the document's title when left out. */
  name?: string
}

export interface ImportOptions {
  /** Slug of the connector; made from the name when left out. */
  slug?: string
  /** Replaces the document's server; needed when that is relative or missing. */
  baseUrl?: string
  /** Only these operations; the others are listed in the report as skipped. Lists are alternatives within a field. */
  include?: { tags?: string[]; operations?: string[]; methods?: string[] }
  limits?: Partial<ImportLimits>
  signal?: AbortSignal
}

const MAX_DESCRIPTION_CHARS = 500
const OPERATIONS_PER_TURN = 50

/**
 * Imports an OpenAPI 3.0 or 3.1 document (JSON or YAML, one file or several) as a connector definition.
 * Every operation becomes an action or is listed in the report with the reason; schemas stay shared.
 * Nothing is fetched. Works in slices, so that other requests are served meanwhile.
 *
 * @throws AppError `invalid_input` for text that cannot be read (with line and column), for formats that are
 * not supported, and for documents over the limits; `timeout` and `cancelled`.
 */
export async function importOpenApi(
  source: ImportSource,
  options: ImportOptions = {},
): Promise<{ definition: ConnectorDefinition; report: ImportReport }> {
  const limits = { ...defaultImportLimits, ...options.limits }
  const deadline = performance.now() + limits.maxMs
  const { report, warn } = buildReport('openapi')
  const documents = buildDocuments(source, limits, warn)
  const { root, title, version } = detectFormat(documents.root)
  Object.assign(report, { title, version })
  const is30 = version.startsWith('3.0')
  const context: ImportContext = { documents, is30, warn, schemas: buildSharedSchemas(documents, is30, warn) }

  const servers = mapServers(context, root, options.baseUrl)
  const security = mapSecurity(context, root)
  const events = mapEvents(context, root)
  const found = findOperations(context, root)
  const slugs = nameOperations(found)
  report.operations = found.length
  const actions: ActionDefinition[] = []
  for (const [index, operation] of found.entries()) {
    if (index % OPERATIONS_PER_TURN === 0) await takeTurn(deadline, limits, options.signal)
    const slug = slugs[index] ?? ''
    const skip = (reason: string) =>
      report.skipped.push({
        method: operation.method.toUpperCase(),
        path: operation.path,
        ...(operation.operationId === undefined ? {} : { operationId: operation.operationId }),
        reason,
      })
    const reason =
      skipReason(operation, slug, options.include) ??
      (actions.length >= limits.maxOperations
        ? `the limit of ${limits.maxOperations} operations is reached; choose with include`
        : undefined)
    if (reason !== undefined) {
      skip(reason)
      continue
    }
    try {
      const { action, approximations } = mapOperation(context, operation, slug, security, servers)
      actions.push(action)
      for (const what of approximations) report.approximated.push({ action: slug, what })
      events.addCallbacks(operation.operation)
    } catch (error) {
      // Our own complaint about this operation: name it and go on with the others.
      if (!(error instanceof AppError)) throw error
      skip(error.message)
    }
  }
  report.imported = actions.length
  const schemas = context.schemas.finish()
  await takeTurn(deadline, limits, options.signal)

  const info = nodeAt(root, 'info') ?? {}
  const name = plainText(source.name ?? title) || 'Untitled API'
  const verification = guessVerification(actions)
  const domain = domainOf(servers.baseUrl)
  const icon = textAt(nodeAt(info, 'x-logo') ?? {}, 'url')
  const definition: ConnectorDefinition = {
    slug: options.slug ?? slugify(name),
    name,
    description: clip(plainText(textAt(info, 'description')), MAX_DESCRIPTION_CHARS),
    ...(domain === undefined ? {} : { domain }),
    ...(icon !== undefined && URL.canParse(icon) ? { iconUrl: icon } : {}),
    visibility: 'private',
    baseUrl: servers.baseUrl,
    ...(servers.variables === undefined ? {} : { variables: servers.variables }),
    authMethods: security.authMethods,
    ...(verification === undefined ? {} : { verification }),
    schemas,
    actions,
    events: events.events,
  }
  return { definition, report }
}

/** Lets other work of the process run, then stops an import that was cancelled or takes too long. */
async function takeTurn(
  deadline: number,
  limits: ImportLimits,
  signal: AbortSignal | undefined,
): Promise<void> {
  await setImmediate()
  if (signal?.aborted) throw new AppError('cancelled', 'The import was cancelled.')
  if (performance.now() > deadline) {
    throw new AppError('timeout', `The import took longer than ${limits.maxMs} ms.`, {
      hint: 'Import a part of the document with include.',
      retryable: false,
    })
  }
}

function domainOf(baseUrl: string): string | undefined {
  const host = URL.parse(baseUrl.replace(/\{[^{}]*\}/g, 'x'))?.hostname ?? ''
  const parts = host.split('.')
  return parts.length >= 2 && !/^[\d.]+$|^\[|\.invalid$|\{/.test(host) ? parts.slice(-2).join('.') : undefined
}
