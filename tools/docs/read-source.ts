import { invalidInput } from '../../core/errors.ts'
import { listActionDefinitions } from '../../db/actions.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import { actionOf, headOf, schemasOf } from '../../runtime/connections/definitions.ts'
import { importSpecApart } from '../../runtime/connectors/import/import-apart.ts'
import { crawlDocs } from '../../runtime/docs-index/crawl.ts'
import { describeConnector } from '../../runtime/docs-index/describe-connector.ts'
import type { DocSourceInput } from '../../runtime/docs-index/docs-index.ts'
import type { DocDocument } from '../../runtime/docs-index/document.ts'
import { looksLikeDescription } from '../../runtime/docs-index/looks-like-description.ts'
import { readApart } from '../../runtime/docs-index/read-apart.ts'
import { requireConnector } from '../connectors/connector.ts'
import type { ToolContext } from '../define-tool.ts'

export interface ReadSource {
  source: Omit<DocSourceInput, 'connectorId'>
  documents: DocDocument[]
  /** Pages that were not read, and why. */
  left: { url: string; reason: string }[]
}

export type TextFormat = 'auto' | 'markdown' | 'html' | 'api_description'

/** A text that was given. Under the same title it replaces what was indexed before. */
export async function readText(
  context: ToolContext,
  given: { text: string; format: TextFormat; title: string | undefined },
): Promise<ReadSource> {
  const titled = given.title === undefined ? {} : { title: given.title }
  const format = given.format === 'auto' ? formatOf(given.text) : given.format
  const document =
    format === 'api_description'
      ? await readDescription(context, given.text, null)
      : await readApart({ format, text: given.text, url: null, ...titled }, context.signal)
  const title = given.title ?? document.title
  return { source: { kind: 'text', name: title, title, url: null }, documents: [document], left: [] }
}

/** A page and those below it, or an API description, by address. */
export async function readUrl(
  context: ToolContext,
  given: { url: string; maxPages: number; title: string | undefined },
): Promise<ReadSource> {
  const { documents, description, left } = await crawlDocs(given.url, {
    http: context.services.http,
    userAgent: `Patchbay (API documentation index; +${context.services.publicUrl()})`,
    maxPages: given.maxPages,
    signal: context.signal,
    progress: (read) =>
      context.progress({ progress: read, total: given.maxPages, message: `Read ${read} page(s)` }),
  })
  const read =
    description === undefined ? documents : [await readDescription(context, description, given.url)]
  const title = given.title ?? read[0]?.title ?? given.url
  return { source: { kind: 'url', name: given.url, title, url: given.url }, documents: read, left }
}

/** What import_spec, or a person, has put into a connector. */
export async function readConnector(context: ToolContext, ref: string): Promise<ReadSource> {
  const definition = await context.read(async (tx) => {
    const row = await requireConnector(tx, ref)
    const [schemas, actions] = [
      await getConnectorSchemas(tx, row.id),
      await listActionDefinitions(tx, row.id),
    ]
    return { ...headOf(row), schemas: schemasOf(schemas), actions: actions.map(actionOf) }
  })
  const document = describeConnector(definition, null)
  return {
    source: { kind: 'connector', name: 'definition', title: `${document.title} (definition)`, url: null },
    documents: [document],
    left: [],
  }
}

async function readDescription(context: ToolContext, text: string, url: string | null): Promise<DocDocument> {
  const { definition } = await importSpecApart({ text }, { signal: context.signal })
  if (definition.actions.length === 0)
    throw invalidInput('The API description has no operations.', {
      where: url === null ? 'text' : 'url',
      hint: 'For a page or Markdown that begins like one, give `format`.',
    })
  return describeConnector(definition, url)
}

const HTML =
  /^\s*(?:<!--[\s\S]{0,2000}?-->\s*)?<(?:!doctype|html|head|body|main|article|section|div|h[1-6]|p|ul|table)\b/i

const formatOf = (text: string): Exclude<TextFormat, 'auto'> => {
  if (looksLikeDescription(text)) return 'api_description'
  return HTML.test(text.slice(0, 4000)) ? 'html' : 'markdown'
}
