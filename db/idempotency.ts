import type { Database, Tx } from './database.ts'

/** How long an answer is kept for repeats of its request. */
const KEPT_HOURS = 24

export interface IdempotencyRow {
  request_hash: string
  /** Null while the first call runs. */
  status: number | null
  response: { sealed: string } | null
}

export interface IdempotencyClaim {
  organizationId: string
  actorId: string
  key: string
  requestHash: string
}

/**
 * Claims a key for a call. One statement, so of two calls at once one gets it. A key that is free again (kept
 * for a day, or claimed by a call that must be dead by now) is claimed anew.
 * @param staleSeconds how old a claim without an answer must be to count as left behind by a dead process
 * @returns the claim's token, or undefined when somebody else holds the key
 */
export const claimIdempotencyKey = async (
  tx: Tx,
  claim: IdempotencyClaim,
  staleSeconds: number,
): Promise<string | undefined> =>
  (
    await tx.row<{ token: string }>(
      `INSERT INTO idempotency_keys AS k (organization_id, actor_id, key, request_hash, created_at)
       VALUES ($1, $2, $3, $4, clock_timestamp())
       ON CONFLICT (organization_id, actor_id, key) DO UPDATE
         SET request_hash = excluded.request_hash, status = NULL, response = NULL, created_at = excluded.created_at
         WHERE k.created_at < now() - interval '${KEPT_HOURS} hours'
            OR (k.status IS NULL AND k.created_at < now() - make_interval(secs => $5))
       RETURNING created_at::text AS token`,
      [claim.organizationId, claim.actorId, claim.key, claim.requestHash, staleSeconds],
    )
  )?.token

export const findIdempotencyKey = (tx: Tx, actorId: string, key: string) =>
  tx.row<IdempotencyRow>(
    'SELECT request_hash, status, response FROM idempotency_keys WHERE actor_id = $1 AND key = $2',
    [actorId, key],
  )

/** Keeps the answer under the claim, unless the claim has lapsed and is another call's by now. */
export const storeIdempotentResponse = (
  tx: Tx,
  claim: IdempotencyClaim,
  token: string,
  answer: { status: number; sealed: string },
) =>
  tx.run(
    `UPDATE idempotency_keys SET status = $4, response = $5
     WHERE actor_id = $1 AND key = $2 AND created_at = $3::timestamptz`,
    [claim.actorId, claim.key, token, answer.status, JSON.stringify({ sealed: answer.sealed })],
  )

/** Frees the key: the call left nothing worth repeating. */
export const releaseIdempotencyKey = (tx: Tx, claim: IdempotencyClaim, token: string) =>
  tx.run('DELETE FROM idempotency_keys WHERE actor_id = $1 AND key = $2 AND created_at = $3::timestamptz', [
    claim.actorId,
    claim.key,
    token,
  ])

/** Deletes what is older than a day, in every organization; gives the number of rows. */
export const deleteExpiredIdempotencyKeys = (db: Database): Promise<number> =>
  db.system((tx) =>
    tx.run(`DELETE FROM idempotency_keys WHERE created_at < now() - interval '${KEPT_HOURS} hours'`),
  )
