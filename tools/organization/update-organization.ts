import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { renameOrganization } from '../../db/organizations.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Organization, toOrganization } from './organization.ts'

export const updateOrganization = defineTool({
  name: 'update_organization',
  title: 'Rename the organization',
  description: 'Changes the organization’s name. Ids and keys stay as they are.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('New display name, e.g. "Acme Software".'),
  }),
  output: z.object({ organization: Organization }),
  permission: 'settings.manage',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /organization',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'The organization')
    const id = context.actor.organizationId
    context.touches(id)
    const row = await context.transaction((tx) => renameOrganization(tx, id, input.name))
    if (row === undefined) throw notFound('organization', id)
    return { organization: toOrganization(row) }
  },
})
