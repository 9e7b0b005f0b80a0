import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { getImportedFrom } from '../../db/connectors.ts'
import { setDriftWatch } from '../../db/drift-watches.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnector } from './connector.ts'
import { DriftWatch, requireDriftWatch, toDriftWatch } from './drift-watch.ts'

export const watchConnectorDrift = defineTool({
  name: 'watch_connector_drift',
  title: 'Watch an API for changes',
  description:
    'Reads an API’s description again every so many hours, where it was imported from, as check_connector_drift does; the first time at once. When it has changed, a run of repair_connector is started that waits for a person: it tells what changed and what that hits, and once approved takes the changes over, tests and mends. The same changes are proposed once. Webhook endpoints are told (connector.drifted). Looks and runs act as the key that calls this.',
  input: z.object({
    connector: ConnectorRef,
    everyHours: z.coerce.number().int().min(1).max(720).default(24).describe('1–720 hours.'),
  }),
  output: z.object({ watch: DriftWatch }),
  permission: 'agents.execute',
  effect: 'write',
  idempotent: true,
  openWorld: true,
  http: 'PUT /connectors/:connector/drift-watch',
  resource: (input) => input.connector,
  async run(context, { connector: ref, everyHours }) {
    const { actor } = context
    refuseCustomerKey(actor, 'A connector')
    if (actor.kind !== 'api_key')
      throw invalidInput('A watch works for an API key.', { hint: 'Call this with an API key.' })
    await context.transaction(async (tx) => {
      const { id, slug } = await requireConnector(tx, ref)
      if ((await getImportedFrom(tx, id)) === null)
        throw invalidInput(`'${slug}' was not imported from an address, so there is nothing to read again.`, {
          where: 'connector',
          hint: 'Import it by `url` (import_spec with onConflict: replace); or call check_connector_drift with the description’s text.',
        })
      await setDriftWatch(tx, {
        ...{ connectorId: id, organizationId: actor.organizationId, apiKeyId: actor.id, everyHours },
      })
    })
    return { watch: toDriftWatch(await context.read((tx) => requireDriftWatch(tx, ref))) }
  },
})
