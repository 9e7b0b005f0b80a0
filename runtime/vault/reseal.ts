import { setTimeout as sleep } from 'node:timers/promises'
import type { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import {
  countRetiredDataKeys,
  dataKeysRetiredBefore,
  deleteDataKey,
  latestDataKey,
  organizationsWithRetiredDataKeys,
} from '../../db/data-keys.ts'
import type { Database, Tx } from '../../db/database.ts'
import {
  countValuesSealedOtherwise,
  isAnythingSealed,
  lockValuesSealedOtherwise,
  replaceSealed,
  type SealedTable,
} from '../../db/sealed-values.ts'
import { connectionPurpose } from '../connections/credentials.ts'
import { authorizationPurpose } from '../oauth/authorization.ts'
import { oauthAppPurpose } from '../oauth/clients.ts'
import { secretPurpose } from '../secrets/secrets.ts'
import { triggerPurpose } from '../triggers/ingest.ts'
import { webhookEndpointPurpose } from '../webhooks/deliver.ts'
import { sealedPrefix, type Vault } from './vault.ts'

/** What each stored value is sealed for. */
const PURPOSES: Record<SealedTable, (id: string) => string> = {
  connections: connectionPurpose,
  secrets: secretPurpose,
  triggers: triggerPurpose,
  previous_trigger_secrets: triggerPurpose,
  oauth_apps: oauthAppPurpose,
  oauth_authorizations: authorizationPurpose,
  webhook_endpoints: webhookEndpointPurpose,
}
const TABLES = Object.keys(PURPOSES) as SealedTable[]

/** Rows of a batch are locked while they are sealed anew: some milliseconds. */
const BATCH_ROWS = 100
/** Looks again for values that others were just changing. */
const PASSES = 3
const PASS_WAIT_MS = 50
/** Answers of idempotency keys are kept a day, caches and transactions for seconds. */
const RETIRED_KEYS_KEPT_HOURS = 48

/** Runs work in a read-write transaction of the whole organization. */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

export interface Resealed {
  resealed: number
  /** Values still sealed with a retired key: others were changing them, the time was up, or they do not open. */
  remaining: number
  /** Rows (`connections cxn_…`) whose value no key opens. They stay as they are. */
  unreadable: string[]
}

/**
 * Seals anew, with the organization's newest data key, what older ones sealed: in short transactions of some rows
 * each, while calls go on. Begun anew, it goes on where it was left.
 */
export async function reseal(
  vault: Vault,
  organizationId: string,
  transaction: InTransaction,
  signal?: AbortSignal,
): Promise<Resealed> {
  let resealed = 0
  let unreadable: string[] = []
  for (let pass = 0; pass < PASSES; pass += 1) {
    if (pass > 0) await sleep(PASS_WAIT_MS)
    unreadable = []
    for (const table of TABLES) {
      let after: string | null = ''
      while (after !== null && signal?.aborted !== true) {
        const from: string = after
        const batch: Batch = await transaction((tx) => resealBatch(tx, vault, organizationId, table, from))
        resealed += batch.resealed
        unreadable.push(...batch.unreadable.map((id) => `${table} ${id}`))
        after = batch.last
      }
    }
    const remaining = await transaction((tx) => countRemaining(tx, organizationId))
    if (remaining <= unreadable.length || signal?.aborted === true) {
      return { resealed, remaining, unreadable }
    }
  }
  return { resealed, remaining: await transaction((tx) => countRemaining(tx, organizationId)), unreadable }
}

interface Batch {
  resealed: number
  unreadable: string[]
  /** The last id seen; null when there are no more. */
  last: string | null
}

async function resealBatch(
  tx: Tx,
  vault: Vault,
  organizationId: string,
  table: SealedTable,
  after: string,
): Promise<Batch> {
  const key = await latestDataKey(tx, organizationId)
  if (key === undefined) return { resealed: 0, unreadable: [], last: null }
  const prefix = sealedPrefix(key.id)
  const rows = await lockValuesSealedOtherwise(tx, table, prefix, { after, limit: BATCH_ROWS })
  const fresh: { id: string; sealed: string; fresh: string }[] = []
  const unreadable: string[] = []
  for (const { id, sealed } of rows) {
    const purpose = PURPOSES[table](id)
    const plain = await vault.open(tx, organizationId, purpose, sealed).catch((error: AppError) => {
      // Damaged, or its key is gone; that the master key is not configured is for the operator to mend first.
      if (error.code !== 'internal') throw error
      unreadable.push(id)
    })
    if (plain === undefined) continue
    fresh.push({ id, sealed, fresh: await vault.seal(tx, organizationId, purpose, plain.reveal()) })
  }
  return {
    resealed: await replaceSealed(tx, table, fresh),
    unreadable,
    last: rows.length < BATCH_ROWS ? null : (rows.at(-1)?.id ?? null),
  }
}

async function countRemaining(tx: Tx, organizationId: string): Promise<number> {
  const key = await latestDataKey(tx, organizationId)
  return key === undefined ? 0 : countValuesSealedOtherwise(tx, sealedPrefix(key.id))
}

/** Are there values that an older data key sealed? */
export const isRotationUnfinished = async (tx: Tx, organizationId: string): Promise<boolean> =>
  (await countRetiredDataKeys(tx, organizationId)) > 0 && (await countRemaining(tx, organizationId)) > 0

/**
 * Finishes rotations of data keys that were interrupted, in every organization, and deletes keys that were
 * retired two days ago or more and that nothing stored needs.
 */
export async function finishRotations(db: Database, vault: Vault, log: Logger): Promise<void> {
  for (const organizationId of await organizationsWithRetiredDataKeys(db)) {
    const transaction: InTransaction = (work) => db.tenant({ organizationId, customerIds: null }, work)
    const { resealed, unreadable } = await reseal(vault, organizationId, transaction)
    if (resealed > 0) log.info({ organization: organizationId, resealed }, 'rotation of data keys went on')
    if (unreadable.length > 0) {
      log.error({ organization: organizationId, unreadable }, 'stored values that no key opens')
    }
    await transaction(async (tx) => {
      for (const { id } of await dataKeysRetiredBefore(tx, organizationId, RETIRED_KEYS_KEPT_HOURS)) {
        if (!(await isAnythingSealed(tx, sealedPrefix(id)))) await deleteDataKey(tx, id)
      }
    })
  }
}
