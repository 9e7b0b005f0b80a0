import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { DEFAULT_EXPIRY_MS, MAX_EXPIRY_MS } from '../../runtime/connect-links/connect-links.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { ConnectLink, requireConnectLink, toConnectLink } from './connect-link.ts'
import { requireConnection } from './connection.ts'

const MINUTE_MS = 60_000

export const createConnectLink = defineTool({
  name: 'create_connect_link',
  title: 'Make a link to connect an account',
  description:
    'Makes a link to a page, in your organization’s branding, where a person connects an account of an app: by consent (OAuth) or by a form for its keys, so no credential passes through you. Works once, for a limited time. Give `connection` to renew the credentials of an expired or failed one. Give the URL to that person only; get_connect_link tells when they are done.',
  input: z.object({
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) whose account it is; left out, your organization’s own.'),
    connector: ConnectorRef.optional().describe(
      'Connector (slug or id) to connect; left out, the person chooses among all.',
    ),
    authMethod: z
      .string()
      .min(1)
      .optional()
      .describe('Slug of one of its auth methods; left out, the person chooses where there are several.'),
    connection: z
      .string()
      .min(1)
      .optional()
      .describe('In place of `connector` and `customer`: the connection (cxn_…) to give new credentials.'),
    name: z.string().trim().min(1).max(200).optional().describe('Name of the new connection.'),
    returnUrl: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe('Where the page sends the person afterwards.'),
    openerOrigin: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .refine((url) => !URL.canParse(url) || new URL(url).origin === url.replace(/\/$/, ''), {
        message: 'must be an origin such as https://app.example.com, without a path',
      })
      .optional()
      .describe(
        'Origin of your page that opens it with /connect/embed.js: the only one that may frame it and is told the outcome.',
      ),
    headless: z
      .boolean()
      .default(false)
      .describe('You draw the page yourself, with /connect/api; the hosted page does not open it then.'),
    expiresInMinutes: z
      .number()
      .int()
      .min(1)
      .max(MAX_EXPIRY_MS / MINUTE_MS)
      .default(DEFAULT_EXPIRY_MS / MINUTE_MS)
      .describe(`How long it can be used; up to ${MAX_EXPIRY_MS / MINUTE_MS} (seven days).`),
  }),
  output: z.object({
    url: z
      .string()
      .describe('To open in the browser of the person; with /connect/api, its token is the bearer.'),
    link: ConnectLink,
  }),
  permission: 'connections.create',
  permissionFor: (input) => (input.connection === undefined ? 'connections.create' : 'connections.update'),
  effect: 'write',
  http: 'POST /connect-links',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    if (input.connection !== undefined && (input.connector !== undefined || input.name !== undefined)) {
      throw invalidInput('A connection that is given new credentials keeps its connector and name.', {
        where: input.connector === undefined ? 'name' : 'connector',
        hint: 'Give `connection` alone, or leave it out for a new account.',
      })
    }
    if (input.headless && input.openerOrigin !== undefined) {
      throw invalidInput('A headless link has no page to embed.', {
        where: 'openerOrigin',
        hint: 'Leave out `openerOrigin` or `headless`.',
      })
    }
    const customerId = await context.read(async (tx) => {
      if (input.connection === undefined) return actingCustomer(tx, actor, input.customer)
      return (await requireConnection(tx, input.connection)).customer_id
    })
    const made = await services.connectLinks.create(scopeOf(actor), actor.id, {
      customerId,
      connector: input.connector,
      authMethod: input.authMethod,
      reconnects: input.connection,
      connectionName: input.name,
      returnUrl: input.returnUrl,
      openerOrigin: input.openerOrigin === undefined ? undefined : new URL(input.openerOrigin).origin,
      headless: input.headless,
      expiresInMs: input.expiresInMinutes * MINUTE_MS,
    })
    context.touches(made.id)
    return { url: made.url, link: toConnectLink(await context.read((tx) => requireConnectLink(tx, made.id))) }
  },
})
