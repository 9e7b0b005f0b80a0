import { z } from 'zod'
import { listConnectorVersions as queryVersions } from '../../db/connector-versions.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Limit } from '../params.ts'
import { requireConnector } from './connector.ts'
import { ConnectorVersion, toConnectorVersion } from './connector-version.ts'

export const listConnectorVersions = defineTool({
  name: 'list_connector_versions',
  title: 'List a connector’s versions',
  description:
    'Lists the kept versions of a connector, newest first, each with what changed and what of that breaks. What was changed by hand since is the current version, kept when an import replaces it or a customer is pinned to it.',
  input: z.object({
    connector: ConnectorRef,
    before: z.number().int().min(1).nullable().default(null).describe('Only versions before this number.'),
    limit: Limit,
  }),
  output: z.object({
    current: z.number().int().describe('The version that customers without a pin use.'),
    isKept: z.boolean().describe('False: it has changes made by hand that no version keeps yet.'),
    versions: z.array(ConnectorVersion),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/versions',
  async run(context, input) {
    return context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const versions = await queryVersions(tx, connector.id, input)
      const newest =
        input.before === null
          ? versions[0]
          : (await queryVersions(tx, connector.id, { before: null, limit: 1 }))[0]
      return {
        current: connector.version,
        isKept: newest?.version === connector.version,
        versions: versions.map(toConnectorVersion),
      }
    })
  },
})
