import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { customersOnCurrentVersion } from '../../db/connections.ts'
import { getImportedFrom } from '../../db/connectors.ts'
import { ConnectorChanges, hasChanges } from '../../runtime/connectors/diff/connector-changes.ts'
import { importSpecApart as readSpec } from '../../runtime/connectors/import/import-apart.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnector } from './connector.ts'
import { fetchSpecification, resolveAgainst } from './fetch-specification.ts'
import { Impact } from './impact.ts'
import { givenFilters, NewAddresses, previewOf, previousActions } from './import-spec.ts'
import { ImportSummary, summarize } from './import-summary.ts'

const DEADLINE_MS = 5 * 60_000
const MAX_CUSTOMERS = 200

/** What an import by address leaves behind, as import_spec writes it. */
const Origin = z.object({
  url: z.string(),
  baseUrl: z.string().optional(),
  include: z
    .object({
      tags: z.array(z.string()).optional(),
      operations: z.array(z.string()).optional(),
      methods: z.array(z.string()).optional(),
    })
    .optional(),
})

export const checkConnectorDrift = defineTool({
  name: 'check_connector_drift',
  title: 'Check whether an API has changed',
  description:
    'Reads an API’s description again, where it was imported from or as given, and compares it with the connector: which actions changed, what of that breaks, and which workflows, connections and customers it hits. Changes nothing. `proposal` is the input of import_spec that would take the changes over; test_actions proves them.',
  input: z.object({
    connector: ConnectorRef,
    spec: z.string().min(1).optional().describe('The description as it is now, as JSON or YAML text.'),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('In place of `spec`: its address. Without both: where it was imported from.'),
  }),
  output: z.object({
    source: z.string().nullable().describe('The address that was read; null: the text given.'),
    drifted: z
      .boolean()
      .describe('Does the connector differ from the description in what an import would change?'),
    changes: ConnectorChanges,
    kept: z.array(z.string()).describe('What was changed by hand and would stay.'),
    newAddresses: NewAddresses,
    impact: Impact,
    customers: z
      .array(z.string())
      .describe(
        `Slugs of customers whose connections would work by the new version at once; ${MAX_CUSTOMERS} at most.`,
      ),
    customersTotal: z.number().int(),
    proposal: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        'The input of import_spec that takes the changes over; null: there are none. `spec` is to be added when it was given as text.',
      ),
    report: ImportSummary,
  }),
  permission: 'connectors.read',
  effect: 'read',
  openWorld: true,
  http: 'POST /connectors/:connector/check-drift',
  deadlineMs: DEADLINE_MS,
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    if (input.spec !== undefined && input.url !== undefined) {
      throw invalidInput('Give one of spec and url.', {
        where: 'url',
        hint: '`spec` is the document’s text, `url` its address.',
      })
    }
    const { row, origin, customers } = await context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const kept = await getImportedFrom(tx, connector.id)
      return {
        row: connector,
        origin: kept === null ? undefined : Origin.parse(kept),
        customers: await customersOnCurrentVersion(tx, connector.id),
      }
    })
    const url = input.spec === undefined ? (input.url ?? origin?.url) : undefined
    if (url === undefined && input.spec === undefined) {
      throw invalidInput(`'${row.slug}' was not imported from an address.`, {
        where: 'url',
        hint: 'Give the address of its description, or the description itself in `spec`; discover_spec finds addresses.',
      })
    }
    const text =
      url === undefined ? input.spec : await fetchSpecification(context.services.http, url, context.signal)
    const read = await readSpec(
      { ...(text === undefined ? {} : { text }), name: row.name },
      {
        slug: row.slug,
        ...(origin?.baseUrl === undefined ? {} : { baseUrl: origin.baseUrl }),
        ...(origin?.include === undefined ? {} : { include: givenFilters(origin.include) }),
        previous: await previousActions(context, row.slug),
        signal: context.signal,
      },
    )
    const { definition, report } =
      url === undefined ? read : resolveAgainst(url, read.definition, read.report)
    const { changes, kept, newAddresses, impact } = await previewOf(context, definition)
    const drifted = changes !== null && hasChanges(changes)
    return {
      source: url ?? null,
      drifted,
      changes: changes ?? NO_CHANGES,
      kept,
      newAddresses,
      impact: impact ?? { workflows: [], connections: 0, pinnedCustomers: [] },
      customers: drifted ? customers.slice(0, MAX_CUSTOMERS) : [],
      customersTotal: drifted ? customers.length : 0,
      proposal: drifted
        ? {
            slug: row.slug,
            name: row.name,
            onConflict: 'replace',
            ...origin,
            ...(url === undefined ? {} : { url }),
          }
        : null,
      report: summarize(report),
    }
  },
})

const NO_CHANGES: ConnectorChanges = {
  added: [],
  removed: [],
  renamed: [],
  changed: [],
  connector: [],
  breaking: [],
}
