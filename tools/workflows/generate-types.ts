import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { listDeclaredConnectors } from '../../db/connector-types.ts'
import { contextTypes } from '../../runtime/workflow-types/context-types.ts'
import { globalTypes } from '../../runtime/workflow-types/global-types.ts'
import { declareOrganization } from '../../runtime/workflow-types/organization-types.ts'
import { requireConnector } from '../connectors/connector.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'

const MAX_CONNECTORS = 20
const MAX_CHARS = 8 * 1024 * 1024
const HEADER =
  '// The types of Patchbay workflows. Made by generate_types; make it again when connectors change.\n\n'

export const generateTypes = defineTool({
  name: 'generate_types',
  title: 'Generate types for workflows',
  description:
    'TypeScript declarations of ctx, fastn and the globals of workflows, and of every action of the connectors named. For an editor (save `types` as patchbay.d.ts beside the workflows), or to read what ctx has. For one action, describe_action is shorter.',
  input: z.object({
    connectors: z
      .array(ConnectorRef)
      .max(MAX_CONNECTORS)
      .default([])
      .describe(`Connectors to declare in full (slug or id), up to ${MAX_CONNECTORS}; the others by name.`),
    all: z
      .boolean()
      .default(false)
      .describe('Declare every connector in full: megabytes, for a file rather than for a model to read.'),
  }),
  output: z.object({
    types: z.string().describe('The declarations, as the text of a .d.ts file.'),
    connectors: z.array(z.string()).describe('Slugs of the connectors declared in full.'),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'POST /workflows/types',
  async run(context, input) {
    const slugs = await context.read(async (tx) => {
      if (input.all) return (await listDeclaredConnectors(tx)).map(({ slug }) => slug)
      const found: string[] = []
      for (const ref of input.connectors) found.push((await requireConnector(tx, ref)).slug)
      return [...new Set(found)].sort()
    })
    const own = await declareOrganization(context.read, { all: slugs })
    const types = `${HEADER}${contextTypes}\n${globalTypes}\n${own}`
    if (types.length > MAX_CHARS) {
      throw invalidInput(`These types have ${types.length} characters, more than ${MAX_CHARS}.`, {
        where: input.all ? 'all' : 'connectors',
        hint: 'Name fewer connectors: those your workflows call.',
      })
    }
    return { types, connectors: slugs }
  },
})
