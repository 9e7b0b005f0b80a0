import { z } from 'zod'
import { isRotationUnfinished, reseal } from '../../runtime/vault/reseal.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'

const RESEAL_MS = 60_000

export const rotateKeys = defineTool({
  name: 'rotate_keys',
  title: 'Rotate the encryption keys',
  description:
    'After the server’s master key was changed: wraps the organization’s data keys with the new one, so that the old one is no longer needed. With dataKeys also makes a new data key and encrypts everything stored anew with it: credentials, secrets, signing secrets. Calls go on throughout. Safe to repeat; an unfinished rotation is finished.',
  input: z.object({
    dataKeys: z
      .boolean()
      .default(false)
      .describe('Make a new data key too, and encrypt everything stored anew with it.'),
  }),
  output: z.object({
    rewrapped: z.number().int().describe('Data keys wrapped anew; 0: all were up to date.'),
    newDataKey: z
      .string()
      .nullable()
      .describe(
        'The data key made; null: none was asked for, or this call finished an earlier rotation: call again for a new one.',
      ),
    resealed: z.number().int().describe('Stored values encrypted anew.'),
    remaining: z
      .number()
      .int()
      .describe(
        'Values still under an older data key. The server goes on with them every ten minutes, or at another call.',
      ),
    unreadable: z
      .array(z.string())
      .describe('Values that no key opens (damaged), by table and id: set them anew, or delete them.'),
  }),
  permission: 'settings.manage',
  effect: 'write',
  http: 'POST /encryption-keys/rotate',
  deadlineMs: RESEAL_MS + 15_000,
  async run(context, { dataKeys }) {
    refuseCustomerKey(context.actor, 'The organization')
    const { organizationId } = context.actor
    const { vault } = context.services
    context.touches(organizationId)
    const { rewrapped, unfinished } = await context.transaction(async (tx) => ({
      rewrapped: await vault.rewrap(tx, organizationId),
      unfinished: await isRotationUnfinished(tx, organizationId),
    }))
    if (!dataKeys) return { rewrapped, newDataKey: null, resealed: 0, remaining: 0, unreadable: [] }
    const timeIsUp = AbortSignal.any([context.signal, AbortSignal.timeout(RESEAL_MS)])
    const goOn = () => reseal(vault, organizationId, context.transaction, timeIsUp)
    if (unfinished) {
      const finished = await goOn()
      // What no key opens must not hold up new keys for ever.
      if (finished.resealed > 0) return { rewrapped, newDataKey: null, ...finished }
    }
    const newDataKey = await context.transaction((tx) => vault.renewDataKey(tx, organizationId))
    return { rewrapped, newDataKey, ...(await goOn()) }
  },
})
