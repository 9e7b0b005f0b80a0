import { z } from 'zod'
import type { OrganizationRow } from '../../db/organizations.ts'

const httpsUrl = z.url({ protocol: /^https$/ }).max(2000)

/** How the pages look that an organization's customers see. */
export const Branding = z.object({
  displayName: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .nullable()
    .describe('Name customers know you by; null: the organization’s name.'),
  logoUrl: httpsUrl
    .nullable()
    .describe('Logo, https, square; shown 48 px high. Null: the first letter of the name.'),
  primaryColor: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'must be a colour such as #3b5bdb')
    .nullable()
    .describe(
      'Colour of buttons and focus, e.g. "#3b5bdb". Text on it is black or white, whichever reads better.',
    ),
  supportUrl: z
    .url({ protocol: /^(https|mailto)$/ })
    .max(2000)
    .nullable()
    .describe('Where a customer finds help: https, or mailto:.'),
  privacyUrl: httpsUrl.nullable().describe('Your privacy policy.'),
})
export type Branding = z.output<typeof Branding>

const none: Branding = {
  displayName: null,
  logoUrl: null,
  primaryColor: null,
  supportUrl: null,
  privacyUrl: null,
}

/** What is stored has the parts that were ever set. */
export const brandingOf = (row: Pick<OrganizationRow, 'branding'>): Branding =>
  Branding.parse({ ...none, ...row.branding })
