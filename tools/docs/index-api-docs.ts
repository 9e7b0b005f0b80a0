import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { requireConnector } from '../connectors/connector.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { readConnector, readText, readUrl } from './read-source.ts'
import { DocSource, requireDocSource, toDocSource } from './source.ts'

const DEADLINE_MS = 10 * 60_000
const MAX_TEXT_CHARS = 4_000_000
const MAX_PAGES = 200
const DEFAULT_PAGES = 30

export const indexApiDocs = defineTool({
  name: 'index_api_docs',
  title: 'Index API documentation',
  description:
    'Reads documentation of an API into the index that search_api_docs searches: a text (Markdown, HTML, or an OpenAPI, Swagger or Postman description), a page by address with the pages below it, or the definition of a connector that is here already. Indexing the same again replaces it and costs only what changed. Give `connector` to be able to search its documentation alone.',
  input: z.object({
    text: z.string().min(1).max(MAX_TEXT_CHARS).optional().describe('The documentation itself.'),
    format: z
      .enum(['auto', 'markdown', 'html', 'api_description'])
      .default('auto')
      .describe('With `text`: what it is; told by its beginning when left out.'),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe(
        'In place of `text`: a page, or an API description. Links to pages in the same folder are followed.',
      ),
    maxPages: z
      .number()
      .int()
      .min(1)
      .max(MAX_PAGES)
      .default(DEFAULT_PAGES)
      .describe('With `url`: how many pages are read at most; 1 reads the page alone.'),
    definition: z
      .boolean()
      .default(false)
      .describe(
        'In place of `text`: what `connector` is made of: the actions import_spec made, with fields and descriptions.',
      ),
    connector: ConnectorRef.optional().describe(
      'The connector it documents, by slug or id; left out: of none in particular.',
    ),
    title: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Shown in citations; a text with the same title replaces the earlier one. Its own title when left out.',
      ),
  }),
  output: z.object({
    source: DocSource,
    added: z.number().int().describe('Passages that are new or changed.'),
    kept: z.number().int().describe('Passages that were there already, unchanged.'),
    removed: z.number().int().describe('Passages that are gone.'),
    embedded: z.number().int().describe('Passages that can be found by meaning, beside by words.'),
    left: z
      .array(z.object({ url: z.string(), reason: z.string() }))
      .describe('Pages that were not read, and why; at most the first 20.'),
    notes: z.array(z.string()).describe('What limits the search of it, if anything.'),
  }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  openWorld: true,
  http: 'POST /docs',
  deadlineMs: DEADLINE_MS,
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'Documentation')
    const given = [input.text, input.url, input.definition || undefined].filter((one) => one !== undefined)
    if (given.length !== 1 || (input.definition && input.connector === undefined)) {
      throw invalidInput('Give one of text, url, and definition with a connector.', {
        where: 'text',
        hint: '`text` is the documentation itself, `url` its address; `definition: true` indexes what `connector` is made of.',
      })
    }
    const { connector: ref, title } = input
    const connectorId = ref === undefined ? null : (await context.read((tx) => requireConnector(tx, ref))).id
    const { source, documents, left } =
      input.text !== undefined
        ? await readText(context, { text: input.text, format: input.format, title })
        : input.url !== undefined
          ? await readUrl(context, { url: input.url, maxPages: input.maxPages, title })
          : await readConnector(context, ref ?? '')
    const { sourceId, added, kept, removed, embedded, notes } = await context.services.docsIndex.index(
      context,
      context.actor.organizationId,
      { ...source, connectorId },
      documents,
      {
        signal: context.signal,
        progress: (done, total) =>
          context.progress({ progress: done, total, message: `Embedded ${done} of ${total} passages` }),
      },
    )
    context.touches(sourceId)
    const row = await context.read((tx) => requireDocSource(tx, sourceId))
    return { source: toDocSource(row), added, kept, removed, embedded, left, notes }
  },
})
