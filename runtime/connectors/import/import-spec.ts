import { setImmediate } from 'node:timers/promises'
import { AppError } from '../../../core/errors.ts'
import type { ConnectorDefinition } from '../definition.ts'
import { slugify } from '../slug.ts'
import type { ImportContext } from './context.ts'
import { detectFormat } from './detect.ts'
import { buildDocuments, type SpecificationSource } from './documents.ts'
import { readEnvironments } from './environments.ts'
import { mapEvents } from './events.ts'
import { skipReason } from './find-operations.ts'
import { formBracketsOf } from './form-brackets.ts'
import { withoutIdleXml } from './idle-xml.ts'
import { defaultImportLimits, type ImportLimits } from './limits.ts'
import { nameOperations, type PreviousAction } from './names.ts'
import { nodeAt, textAt } from './nodes.ts'
import { type MappedOperation, mapOperation } from './operations.ts'
import { withPagination } from './pagination.ts'
import { readDocument } from './read-document.ts'
import { buildReport, type ImportReport } from './report.ts'
import { mapSecurity } from './security.ts'
import { mapServers } from './servers.ts'
import { buildSharedSchemas } from './shared-schemas.ts'
import { splitDirections } from './split-directions.ts'
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
  /** Actions of an earlier import of the same API: operations that are still there keep their slugs. */
  previous?: PreviousAction[]
  limits?: Partial<ImportLimits>
  signal?: AbortSignal
}

const MAX_DESCRIPTION_CHARS = 500
const OPERATIONS_PER_TURN = 50

/**
 * Imports an OpenAPI 3.0 or 3.1 document, a Swagger 2.0 document or a Postman collection 2.0 or 2.1 (JSON or
 * YAML, one file or several) as a connector definition. Every operation becomes an action or is listed in the report with the reason; schemas stay shared.
 * Nothing is fetched. Works in slices, so that other requests are served meanwhile.
 *
 * @throws AppError `invalid_input` for text that cannot be read (with line and column), for formats that are
 * not supported, and for documents over the limits; `timeout` and `cancelled`.
 */
export async function importSpec(
  source: ImportSource,
  options: ImportOptions = {},
): Promise<{ definition: ConnectorDefinition; report: ImportReport }> {
  const limits = { ...defaultImportLimits, ...options.limits }
  const deadline = performance.now() + limits.maxMs
  const { report, warn } = buildReport()
  const documents = buildDocuments(source, limits, warn)
  const detected = detectFormat(documents.root)
  const { format, title, version } = detected
  Object.assign(report, { format, title, version })
  const is30 = version.startsWith('3.0') || format === 'swagger'
  const context: ImportContext = {
    documents,
    is30,
    warn,
    schemas: buildSharedSchemas(documents, is30, warn),
    formsUseBrackets: () => bracketed(),
  }
  const environments = format === 'postman' ? readEnvironments(source, documents.root.file, limits, warn) : []

  const { root, found, upgrade } = readDocument(context, detected, environments)
  const bracketed = formBracketsOf(found)
  const servers = mapServers(context, root, options.baseUrl)
  const security = mapSecurity(context, root, found)
  const events = mapEvents(context, root)
  const slugs = nameOperations(found, options.previous)
  report.operations = found.length
  const mapped: MappedOperation[] = []
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
      (mapped.length >= limits.maxOperations
        ? `the limit of ${limits.maxOperations} operations is reached; choose with include`
        : undefined)
    if (reason !== undefined) {
      skip(reason)
      continue
    }
    try {
      const upgraded = upgrade(operation)
      const result = mapOperation(context, upgraded.found, slug, security, servers)
      mapped.push(result)
      for (const what of new Set([...upgraded.approximations, ...result.approximations])) {
        report.approximated.push({ action: slug, what })
      }
      events.addCallbacks(operation.operation)
    } catch (error) {
      // Our own complaint about this operation, or more nesting than the stack holds: go on with the others.
      if (error instanceof AppError) skip(error.message)
      else if (error instanceof RangeError) skip('its schemas are nested too deep')
      else throw error
    }
  }
  report.imported = mapped.length
  const shared = context.schemas.finish()
  await takeTurn(deadline, limits, options.signal)
  const paged = mapped.map(({ action, hasLinkHeader }) => withPagination(action, shared, hasLinkHeader))
  const split = splitDirections(paged, events.events, shared)
  const { actions, schemas } = context.schemas.hasXml() ? withoutIdleXml(split.actions, split.schemas) : split
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
