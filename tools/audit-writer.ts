import { type AuditRecord, appendAudit } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { buildBatcher } from '../runtime/queue/batcher.ts'

const MAX_BATCH = 200

/** Appends an entry that goes with no change of this database; resolves when it is committed. */
export type AuditWriter = (record: AuditRecord) => Promise<void>

/** Entries that come together share a transaction, whoever's they are. */
export function buildAuditWriter(db: Database): AuditWriter {
  const batches = buildBatcher<AuditRecord, void>(async (records) => {
    await appendAudit(db, records)
    return records.map(() => undefined)
  }, MAX_BATCH)
  return batches.add
}
