import { z } from 'zod'
import { lockConnector } from '../../db/connectors.ts'
import {
  ConnectorChanges,
  diffConnectors,
  hasChanges,
} from '../../runtime/connectors/diff/connector-changes.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import {
  Connector,
  IfRevision,
  noConnector,
  requireConnector,
  requireRevision,
  toConnector,
} from './connector.ts'
import { requireContent, VersionNumber } from './connector-version.ts'
import { presentContent, storeNextVersion } from './store-connector.ts'
import { tellOfVersion } from './tell-of-version.ts'

export const restoreConnectorVersion = defineTool({
  name: 'restore_connector_version',
  title: 'Go back to a version',
  description:
    'Makes an older version of a connector the current one again, as a new version; nothing is lost, and pins stay. Returns what that changed.',
  input: z.object({ connector: ConnectorRef, version: VersionNumber, ifRevision: IfRevision }),
  output: z.object({ connector: Connector, changes: ConnectorChanges }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'POST /connectors/:connector/versions/:version/restore',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const outcome = await context.transaction(async (tx) => {
      const before = await lockConnector(tx, input.connector)
      if (before === undefined) throw noConnector(input.connector)
      context.touches(before.id)
      requireRevision(before, input.ifRevision)
      const wanted = await requireContent(tx, before, input.version)
      const changes = diffConnectors(await presentContent(tx, before), wanted)
      if (hasChanges(changes)) await storeNextVersion(tx, context.actor, before, wanted, 'restore', changes)
      const row = await requireConnector(tx, before.id)
      await tellOfVersion(tx, context.actor, row, changes)
      return { connector: toConnector(row), changes }
    })
    connectionsChanged(context)
    return outcome
  },
})
