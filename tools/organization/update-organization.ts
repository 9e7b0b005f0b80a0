import { z } from 'zod'
import { invalidInput, notFound } from '../../core/errors.ts'
import { updateOrganization as change, setCustomerDefaults } from '../../db/organizations.ts'
import { MaxRunning, StartsPerMinute } from '../customers/customer-limits.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Branding } from './branding.ts'
import { Organization, toOrganization } from './organization.ts'

export const updateOrganization = defineTool({
  name: 'update_organization',
  title: 'Change the organization',
  description:
    'Changes the organization’s name, how the pages look that its customers see (the connect page): logo, colour, name, links; or how much runs for each customer. What is left out stays; null takes a part of the branding away. Ids and keys stay as they are.',
  input: z.object({
    name: z.string().trim().min(1).max(200).optional().describe('New display name, e.g. "Acme Software".'),
    branding: Branding.partial().optional().describe('How customers’ pages look.'),
    customerDefaults: z
      .object({
        maxRunning: MaxRunning.nullable().optional(),
        startsPerMinute: StartsPerMinute.nullable().optional(),
      })
      .optional()
      .describe(
        'What each customer without limits of its own may do: executions under way at once, starts in a minute; null: no limit. What comes over them waits.',
      ),
  }),
  output: z.object({ organization: Organization }),
  permission: 'settings.manage',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /organization',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'The organization')
    if (input.name === undefined && input.branding === undefined && input.customerDefaults === undefined) {
      throw invalidInput('Nothing to change was given.', {
        where: 'name',
        hint: 'Give `name`, `branding` or `customerDefaults`.',
      })
    }
    const id = context.actor.organizationId
    context.touches(id)
    const row = await context.transaction(async (tx) => {
      if (input.customerDefaults !== undefined) await setCustomerDefaults(tx, id, input.customerDefaults)
      return change(tx, id, input)
    })
    if (row === undefined) throw notFound('organization', id)
    return { organization: toOrganization(row) }
  },
})
