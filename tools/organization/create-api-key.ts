import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { permissions, roleNames } from '../../core/permissions.ts'
import { getApiKey, insertApiKey } from '../../db/api-keys.ts'
import { newApiKey } from '../../runtime/access/api-keys.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { ApiKey, toApiKey } from './api-key.ts'
import { checkAddresses, checkGrant } from './grant.ts'

const DAY_MS = 86_400_000

const IpRange = z
  .string()
  .refine(
    (text) => (text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text)),
    'must be an IP address or a CIDR range like 203.0.113.0/24',
  )

export const createApiKey = defineTool({
  name: 'create_api_key',
  title: 'Create an API key',
  description:
    'Makes an API key and returns it, this once: only its hash is kept. A key grants no more than the key that makes it has; only an owner makes owner keys. end_user keys belong to exactly one customer.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('What the key is for, e.g. "CI deploys".'),
    mode: z
      .enum(['test', 'live'])
      .default('test')
      .describe('Test keys are for development: they never deploy to production nor run in it.'),
    role: z.enum(roleNames).default('viewer').describe('What the key may do at most.'),
    permissions: z
      .array(z.enum(permissions))
      .min(1)
      .nullable()
      .default(null)
      .describe('Narrows the role to these of its permissions; left out, all of them.'),
    customers: z
      .array(CustomerRef)
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe('The only customers (id or slug) the key reaches; left out, those this key reaches.'),
    ipAllowlist: z
      .array(IpRange)
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe('Addresses and CIDR ranges the key may be used from; left out, those this key may be.'),
    ratePerMinute: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .nullable()
      .default(null)
      .describe('Calls a minute the key may make; left out, what this key may, or the server’s default.'),
    expiresInDays: z
      .number()
      .min(1)
      .max(3650)
      .nullable()
      .default(90)
      .describe('Days the key is valid; null: it never expires.'),
  }),
  output: z.object({
    key: z.string().describe('The key. Keep it safe now: it is never shown again.'),
    apiKey: ApiKey,
  }),
  permission: 'api_keys.manage',
  effect: 'write',
  http: 'POST /api-keys',
  successStatus: 201,
  async run(context, input) {
    const { actor } = context
    const fresh = newApiKey(input.mode)
    const id = newId('apiKey')
    context.touches(id)
    const row = await context.transaction(async (tx) => {
      const named = []
      for (const ref of input.customers ?? []) named.push((await requireCustomer(tx, ref)).id)
      const customerIds = input.customers === null ? actor.customerIds : [...new Set(named)]
      const ratePerMinute = input.ratePerMinute ?? actor.ratePerMinute
      checkGrant(actor, { ...input, customerIds, ratePerMinute })
      const own = (await getApiKey(tx, actor.id))?.ip_allowlist ?? null
      const ipAllowlist = input.ipAllowlist ?? own
      checkAddresses(own, ipAllowlist)
      return insertApiKey(tx, {
        id,
        organizationId: actor.organizationId,
        name: input.name,
        mode: input.mode,
        prefix: fresh.prefix,
        hash: fresh.hash,
        role: input.role,
        permissions: input.permissions,
        customerIds,
        ipAllowlist,
        ratePerMinute,
        expiresAt: input.expiresInDays === null ? null : new Date(Date.now() + input.expiresInDays * DAY_MS),
        createdBy: actor.id,
      })
    })
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return { key: fresh.key, apiKey: toApiKey(row) }
  },
})
