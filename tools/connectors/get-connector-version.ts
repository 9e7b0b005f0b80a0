import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { isVersionKept } from '../../db/connector-versions.ts'
import { bundleSchema } from '../../runtime/connectors/definition.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { ActionRef } from './action.ts'
import { requireConnector } from './connector.ts'
import {
  ConnectorVersion,
  requireContent,
  requireVersion,
  toConnectorVersion,
  VersionNumber,
} from './connector-version.ts'

const MAX_SCHEMA_BYTES = 32_000

export const getConnectorVersion = defineTool({
  name: 'get_connector_version',
  title: 'Get a version of a connector',
  description:
    'What a connector was at one version: address, auth methods and the slugs of its actions; with `action`, that action whole as it was then.',
  input: z.object({
    connector: ConnectorRef,
    version: VersionNumber,
    action: ActionRef.nullable().default(null).describe('Slug of an action to show whole.'),
  }),
  output: z.object({
    version: ConnectorVersion.nullable().describe(
      'Null: the current version, changed by hand and not kept yet.',
    ),
    baseUrl: z.string(),
    authMethods: z.array(z.object({ slug: z.string(), type: z.string(), name: z.string() })),
    actions: z.array(z.string()).describe('Slugs of all its actions.'),
    action: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        'The definition of the action asked for, its schemas complete in themselves up to 32 KB each.',
      ),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/versions/:version',
  async run(context, input) {
    return context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const { head, schemas, actions } = await requireContent(tx, connector, input.version)
      const isDraft =
        input.version === connector.version && !(await isVersionKept(tx, connector.id, input.version))
      const slugs = Object.keys(actions).toSorted()
      const action =
        input.action !== null && Object.hasOwn(actions, input.action) ? actions[input.action] : undefined
      if (input.action !== null && action === undefined) {
        throw notFound(
          'action',
          `${connector.slug}.${input.action}`,
          `Version ${input.version} has ${slugs.length} actions; leave \`action\` out to see their slugs.`,
        )
      }
      const bundled = (schema: Parameters<typeof bundleSchema>[1]) =>
        bundleSchema(schemas, schema, { maxBytes: MAX_SCHEMA_BYTES }).schema
      return {
        version: isDraft ? null : toConnectorVersion(await requireVersion(tx, connector, input.version)),
        baseUrl: head.baseUrl,
        authMethods: head.authMethods.map(({ slug, type, name }) => ({ slug, type, name })),
        actions: slugs,
        action:
          action === undefined
            ? null
            : {
                ...action,
                inputSchema: bundled(action.inputSchema),
                ...(action.outputSchema === undefined ? {} : { outputSchema: bundled(action.outputSchema) }),
              },
      }
    })
  },
})
