import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { type DriftWatchRow, getDriftWatch } from '../../db/drift-watches.ts'
import { Timestamp } from '../params.ts'
import { requireConnector } from './connector.ts'

export const DriftWatch = z.object({
  connector: z.string().describe('Slug of the connector.'),
  everyHours: z.int().describe('How often its API’s description is read again.'),
  key: z
    .string()
    .describe('Id of the API key that looks, and for which the run that proposes works (key_…).'),
  nextLookAt: Timestamp,
  lastLookAt: Timestamp.nullable(),
  failures: z.int().describe('Looks that failed since one last succeeded; after each it waits longer.'),
  problem: z.string().nullable().describe('Why the last one failed.'),
  run: z
    .string()
    .nullable()
    .describe('The run of repair_connector that proposes the changes found last (run_…).'),
})

export const toDriftWatch = (row: DriftWatchRow): z.input<typeof DriftWatch> => ({
  connector: row.connector,
  everyHours: row.every_hours,
  key: row.api_key_id,
  nextLookAt: row.due_at,
  lastLookAt: row.looked_at,
  failures: row.failures,
  problem: row.problem,
  run: row.run_id,
})

/** The watch of a connector, by slug or id. @throws AppError `not_found` */
export async function requireDriftWatch(tx: Tx, connector: string): Promise<DriftWatchRow> {
  const { id, slug } = await requireConnector(tx, connector)
  const row = await getDriftWatch(tx, id)
  if (row === undefined) throw notFound('drift watch', slug, 'list_drift_watches shows those there are.')
  return row
}
