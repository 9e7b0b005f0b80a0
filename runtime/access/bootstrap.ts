import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { findApiKeyByHash, insertApiKey } from '../../db/api-keys.ts'
import type { Database, Tx } from '../../db/database.ts'
import { firstOrganizationId, insertOrganization, lockBootstrap } from '../../db/organizations.ts'
import { describeKey, newApiKey } from './api-keys.ts'

/** Makes an organization with its built-in environments and an owner key, all in the given transaction. */
export async function createOrganization(
  tx: Tx,
  options: { name: string; ownerKey?: string | undefined },
): Promise<{ organizationId: string; key: string }> {
  const organizationId = newId('organization')
  const owner = options.ownerKey === undefined ? newApiKey('live') : describeKey(options.ownerKey)
  await insertOrganization(tx, { id: organizationId, name: options.name })
  await insertApiKey(tx, {
    id: newId('apiKey'),
    organizationId,
    name: 'Owner',
    mode: owner.key.startsWith('pk_test_') ? 'test' : 'live',
    prefix: owner.prefix,
    hash: owner.hash,
    role: 'owner',
    permissions: null,
    customerIds: null,
    ipAllowlist: null,
    ratePerMinute: null,
    expiresAt: null,
    createdBy: 'setup',
  })
  return { organizationId, key: owner.key }
}

/** An organization beside those that are there. @returns its owner's key, which is kept nowhere */
export async function addOrganization(db: Database, name: string): Promise<string> {
  const { key } = await db.system((tx) => createOrganization(tx, { name }))
  return key
}

/**
 * On the first start of a database: its organization and the owner key.
 * @param keep puts the key where its owner finds it. The organization is there only once that succeeded: nobody
 *   could use one whose key is lost.
 * @returns the key when this call made it; undefined when there was an organization already
 * @throws AppError `misconfigured` when PATCHBAY_API_KEY is set to a key this database does not know
 */
export async function bootstrap(
  db: Database,
  ownerApiKey: string | undefined,
  keep: (key: string) => void,
): Promise<string | undefined> {
  const made = await db.system(async (tx) => {
    await lockBootstrap(tx)
    if ((await firstOrganizationId(tx)) !== undefined) return undefined
    const { key } = await createOrganization(tx, { name: 'My organization', ownerKey: ownerApiKey })
    keep(key)
    return key
  })
  if (
    made === undefined &&
    ownerApiKey !== undefined &&
    (await findApiKeyByHash(db, describeKey(ownerApiKey).hash)) === undefined
  ) {
    throw new AppError(
      'misconfigured',
      'PATCHBAY_API_KEY is not a key of this database, which was set up before with another one.',
      {
        hint: 'Unset it, or set it to a key made earlier; it is installed on the first start only.',
      },
    )
  }
  return made
}
