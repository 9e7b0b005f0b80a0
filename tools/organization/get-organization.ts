import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { Organization, organizationOf, toOrganization } from './organization.ts'

export const getOrganization = defineTool({
  name: 'get_organization',
  title: 'Get the organization',
  description: 'The organization this key belongs to.',
  input: z.object({}),
  output: z.object({ organization: Organization }),
  permission: null,
  effect: 'read',
  http: 'GET /organization',
  async run(context) {
    return {
      organization: toOrganization(await context.read((tx) => organizationOf(tx, context.actor))),
    }
  },
})
