import { LRUCache } from 'lru-cache'
import { AppError } from '../../core/errors.ts'
import type { Database } from '../../db/database.ts'
import { loadRunnableVersions, type RunnableVersionRow } from '../../db/executions.ts'
import { buildBatcher } from '../queue/batcher.ts'

const KEPT_VERSIONS = 5_000
const MAX_BATCH = 200

export type Versions = (versionId: string) => Promise<RunnableVersionRow>

/** Workflow versions by id. They are immutable, so a version once read is never read again. */
export function buildVersions(db: Database): Versions {
  const known = new LRUCache<string, RunnableVersionRow>({ max: KEPT_VERSIONS })
  const loader = buildBatcher<string, RunnableVersionRow | undefined>(async (ids) => {
    const rows = new Map(
      (await loadRunnableVersions(db, [...new Set(ids)])).map((row) => [row.workflow_version_id, row]),
    )
    return ids.map((id) => rows.get(id))
  }, MAX_BATCH)

  return async (versionId) => {
    const cached = known.get(versionId)
    if (cached !== undefined) return cached
    const row = await loader.add(versionId)
    if (row === undefined) throw new AppError('internal', `The workflow version '${versionId}' is gone.`)
    known.set(versionId, row)
    return row
  }
}
