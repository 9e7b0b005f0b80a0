import { z } from 'zod'
import { ConnectorChanges, diffConnectors } from '../../runtime/connectors/diff/connector-changes.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnector } from './connector.ts'
import { requireContent, VersionNumber } from './connector-version.ts'
import { Impact, impactOf, reachOf } from './impact.ts'

export const diffConnectorVersions = defineTool({
  name: 'diff_connector_versions',
  title: 'Compare versions of a connector',
  description:
    'What changed between two versions of a connector: actions added, removed and changed, what of that breaks, and which workflows, connections and customers it reaches.',
  input: z.object({
    connector: ConnectorRef,
    from: VersionNumber,
    to: VersionNumber.nullable()
      .default(null)
      .describe('The other version; what the connector is now when left out.'),
  }),
  output: z.object({
    from: z.number().int(),
    to: z.number().int(),
    changes: ConnectorChanges,
    impact: Impact,
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/versions/:from/diff',
  async run(context, input) {
    const { to, before, after, reach } = await context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const version = input.to ?? connector.version
      return {
        to: version,
        before: await requireContent(tx, connector, input.from),
        after: await requireContent(tx, connector, version),
        reach: await reachOf(tx, connector),
      }
    })
    const changes = diffConnectors(before, after)
    return { from: input.from, to, changes, impact: await impactOf(reach, changes) }
  },
})
