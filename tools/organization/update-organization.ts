import { z } from 'zod'
import { invalidInput, notFound } from '../../core/errors.ts'
import { updateOrganization as change } from '../../db/organizations.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Branding } from './branding.ts'
import { Organization, toOrganization } from './organization.ts'

export const updateOrganization = defineTool({
  name: 'update_organization',
  title: 'Change the organization',
  description:
    'Changes the organization’s name, or how the pages look that its customers see (the connect page): logo, colour, name, links. What is left out stays; null takes a part of the branding away. Ids and keys stay as they are.',
  input: z.object({
    name: z.string().trim().min(1).max(200).optional().describe('New display name, e.g. "Acme Software".'),
    branding: Branding.partial().optional().describe('How customers’ pages look.'),
  }),
  output: z.object({ organization: Organization }),
  permission: 'settings.manage',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /organization',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'The organization')
    if (input.name === undefined && input.branding === undefined) {
      throw invalidInput('Nothing to change was given.', {
        where: 'name',
        hint: 'Give `name`, `branding`, or both.',
      })
    }
    const id = context.actor.organizationId
    context.touches(id)
    const row = await context.transaction((tx) => change(tx, id, input))
    if (row === undefined) throw notFound('organization', id)
    return { organization: toOrganization(row) }
  },
})
