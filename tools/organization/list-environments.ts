import { z } from 'zod'
import { listEnvironments as queryEnvironments } from '../../db/organizations.ts'
import { defineTool } from '../define-tool.ts'

export const listEnvironments = defineTool({
  name: 'list_environments',
  title: 'List environments',
  description: 'Lists the environments workflows are deployed to and secrets are set for.',
  input: z.object({}),
  output: z.object({
    environments: z.array(
      z.object({
        slug: z.string().describe('What other tools take as `environment`.'),
        name: z.string(),
        production: z.boolean().describe('Deploying here needs workflows.deploy_prod and a live key.'),
      }),
    ),
  }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /environments',
  async run(context) {
    const rows = await context.read(queryEnvironments)
    return { environments: rows.map(({ slug, name, production }) => ({ slug, name, production })) }
  },
})
