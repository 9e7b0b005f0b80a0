import type { Database } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface WindowUse {
  key: string
  /** How much of the window is used now, this use included. */
  used: number
  /** Milliseconds until it ends. */
  left_ms: number
}

/**
 * Counts uses of windows of `seconds`, many at once in one statement; a window begins with the first use after the
 * one before has ended, by the database's clock.
 * @returns of each key, the count after all of these uses
 */
export const useWindows = (
  db: Database,
  uses: readonly { key: string; count: number }[],
  seconds: number,
): Promise<WindowUse[]> =>
  db.system((tx) =>
    tx.rows<WindowUse>(
      `INSERT INTO rate_windows AS w (key, used, ends_at)
       SELECT key, count, clock_timestamp() + $2 * interval '1 second' FROM jsonb_to_recordset($1::jsonb) AS u(key text, count integer) ORDER BY key
       ON CONFLICT (key) DO UPDATE SET
         used = CASE WHEN w.ends_at <= clock_timestamp() THEN 0 ELSE w.used END + excluded.used,
         ends_at = CASE WHEN w.ends_at <= clock_timestamp() THEN excluded.ends_at ELSE w.ends_at END
       RETURNING key, used, greatest(0, extract(epoch FROM ends_at - clock_timestamp()))::float8 * 1000 AS left_ms`,
      [toJsonb(uses), seconds],
    ),
  )

export const deleteEndedWindows = (db: Database) =>
  db.system((tx) => tx.run("DELETE FROM rate_windows WHERE ends_at < now() - interval '1 minute'"))
