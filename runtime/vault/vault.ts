import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { Secret } from '../../core/secret.ts'
import {
  type DataKeyRow,
  dataKeysToRewrap,
  getDataKey,
  insertDataKey,
  latestDataKey,
  retireOtherDataKeys,
  rewrapDataKey,
} from '../../db/data-keys.ts'
import type { Tx } from '../../db/database.ts'
import { lockOrganization } from '../../db/locks.ts'
import { decrypt, encrypt } from './envelope.ts'
import type { MasterKey } from './master-key.ts'

const DATA_KEY_CACHE_MS = 60_000

export interface Vault {
  /**
   * Seals a text with the organization's data key, made on first use.
   * @param purpose where it is kept (`connection:<id>`, `secret:<id>`): a sealed text moved elsewhere does not open
   * @returns `v1.<data key id>.<sealed>`
   */
  seal(tx: Tx, organizationId: string, purpose: string, plain: string): Promise<string>
  /** Opens what {@link Vault.seal} made for the same purpose. */
  open(tx: Tx, organizationId: string, purpose: string, sealed: string): Promise<Secret>
  /** Wraps the organization's data keys anew that an older master key wrapped; gives their number. */
  rewrap(tx: Tx, organizationId: string): Promise<number>
  /** Makes the organization a new data key, which seals from now on; the ones before only open. Gives its id. */
  renewDataKey(tx: Tx, organizationId: string): Promise<string>
}

/** How a text begins that the data key sealed. */
export const sealedPrefix = (dataKeyId: string) => `v1.${dataKeyId}.`

/**
 * Envelope encryption: each organization has data keys, wrapped by the master key, that seal its credentials
 * and secrets.
 * @param previousMasterKeys keys that may still have wrapped some data keys, until they are rewrapped
 */
export function buildVault(masterKey: MasterKey, previousMasterKeys: readonly MasterKey[] = []): Vault {
  const opened = new LRUCache<string, Buffer>({ max: 10_000, ttl: DATA_KEY_CACHE_MS })
  const masterKeys = new Map([masterKey, ...previousMasterKeys].map((key) => [key.id, key.key]))

  const unwrap = (row: DataKeyRow): Buffer => {
    const master = masterKeys.get(row.master_key_id)
    if (master === undefined) {
      throw new AppError(
        'misconfigured',
        `The master key '${row.master_key_id}' that wraps this organization's data key is not configured.`,
        {
          hint: 'Start with the PATCHBAY_MASTER_KEY (or data folder) the credentials were stored with, or name that key in PATCHBAY_PREVIOUS_MASTER_KEYS.',
        },
      )
    }
    return decrypt(master, row.wrapped_key, row.id)
  }

  const dataKey = async (tx: Tx, id: string): Promise<Buffer> => {
    const known = opened.get(id)
    if (known !== undefined) return known
    const row = await getDataKey(tx, id)
    if (row === undefined) throw new AppError('internal', `The data key '${id}' is gone.`)
    const key = unwrap(row)
    opened.set(id, key)
    return key
  }

  const currentKey = async (tx: Tx, organizationId: string): Promise<{ id: string; key: Buffer }> => {
    const row = await latestDataKey(tx, organizationId)
    if (row !== undefined) return { id: row.id, key: await dataKey(tx, row.id) }
    return makeKey(tx, organizationId)
  }

  const makeKey = async (tx: Tx, organizationId: string): Promise<{ id: string; key: Buffer }> => {
    const id = newId('dataKey')
    const key = randomBytes(32)
    await insertDataKey(tx, {
      id,
      organizationId,
      wrappedKey: encrypt(masterKey.key, key, id),
      masterKeyId: masterKey.id,
    })
    return { id, key }
  }

  return {
    seal: async (tx, organizationId, purpose, plain) => {
      const { id, key } = await currentKey(tx, organizationId)
      return `${sealedPrefix(id)}${encrypt(key, Buffer.from(plain, 'utf8'), `${organizationId}/${purpose}`)}`
    },
    open: async (tx, organizationId, purpose, sealed) => {
      const [version, keyId, text] = sealed.split('.')
      if (version !== 'v1' || keyId === undefined || text === undefined) {
        throw new AppError('internal', 'A stored secret has a form this version does not know.')
      }
      return new Secret(
        decrypt(await dataKey(tx, keyId), text, `${organizationId}/${purpose}`).toString('utf8'),
      )
    },
    rewrap: async (tx, organizationId) => {
      const rows = await dataKeysToRewrap(tx, organizationId, masterKey.id)
      for (const row of rows) {
        await rewrapDataKey(tx, row.id, encrypt(masterKey.key, unwrap(row), row.id), masterKey.id)
      }
      return rows.length
    },
    renewDataKey: async (tx, organizationId) => {
      // Of two rotations at once, the other waits: one key is the newest.
      await lockOrganization(tx, organizationId)
      const { id } = await makeKey(tx, organizationId)
      await retireOtherDataKeys(tx, organizationId, id)
      return id
    },
  }
}
