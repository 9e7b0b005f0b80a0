import { createHash } from 'node:crypto'
import type { Request } from 'express'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { AppError, conflict } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import {
  claimIdempotencyKey,
  findIdempotencyKey,
  type IdempotencyClaim,
  releaseIdempotencyKey,
  storeIdempotentResponse,
} from '../../db/idempotency.ts'
import type { Vault } from '../../runtime/vault/vault.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { HttpError } from './problem.ts'

/** A claim without an answer that is older than this, and than its tool's longest call, is a dead process's. */
const STALE_CLAIM_SECONDS = 5 * 60
const KEY = /^[\x21-\x7e]{1,255}$/

export interface Answer {
  status: number
  body: object
  /**
   * `keep` it for repeats; `free` the key, for another try may end better; `leave` the claim to lapse, for the
   * call may be going on still.
   */
  claim: 'keep' | 'free' | 'leave'
}

/**
 * The key of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), bare or as a quoted string.
 * @throws AppError `invalid_input` when it is not 1–255 visible ASCII characters
 */
export function idempotencyKeyOf(req: Request): string | undefined {
  const header = req.get('idempotency-key')
  if (header === undefined) return undefined
  const key = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim()
  if (KEY.test(key)) return key
  throw new AppError('invalid_input', 'The Idempotency-Key must be 1–255 visible ASCII characters.', {
    where: 'header Idempotency-Key',
    hint: 'Send a new UUID for each operation, and the same one for its repeats.',
  })
}

/**
 * Runs a call at most once for its key. A repeat gets the first answer; answers rest sealed, for some show a
 * secret that is shown once.
 * @returns the answer, and whether it is a kept one
 * @throws AppError `conflict` when the key was used for another request (422) or its first call still runs (409)
 */
export async function answerOnce(
  deps: { db: Database; vault: Vault; log: Logger },
  call: { actor: Actor; tool: AnyTool; input: unknown; key: string },
  run: () => Promise<Answer>,
): Promise<{ answer: Omit<Answer, 'claim'>; replayed: boolean }> {
  const { db, vault, log } = deps
  const { actor, tool, key } = call
  const scope = scopeOf(actor)
  const purpose = `idempotency:${key}`
  const claim: IdempotencyClaim = {
    organizationId: actor.organizationId,
    actorId: actor.id,
    key,
    requestHash: createHash('sha256')
      .update(`${tool.name}\n${JSON.stringify(call.input)}`)
      .digest('hex'),
  }
  const staleSeconds = Math.max(STALE_CLAIM_SECONDS, 60 + (tool.deadlineMs ?? 0) / 1000)

  const token = await db.tenant(scope, (tx) => claimIdempotencyKey(tx, claim, staleSeconds))
  if (token === undefined) {
    const kept = await db.tenant(scope, async (tx) => {
      const row = await findIdempotencyKey(tx, actor.id, key)
      if (row !== undefined && row.request_hash !== claim.requestHash) throw usedForAnotherRequest()
      if (row?.response == null || row.status === null) throw stillRunning()
      const opened = await vault.open(tx, actor.organizationId, purpose, row.response.sealed)
      return { status: row.status, body: JSON.parse(opened.reveal()) as object }
    })
    return { answer: kept, replayed: true }
  }

  const answer = await run()
  if (answer.claim === 'leave') return { answer, replayed: false }
  await db
    .tenant(scope, async (tx) => {
      if (answer.claim === 'free') return releaseIdempotencyKey(tx, claim, token)
      const sealed = await vault.seal(tx, actor.organizationId, purpose, JSON.stringify(answer.body))
      return storeIdempotentResponse(tx, claim, token, { status: answer.status, sealed })
    })
    // The call is done whatever happens here. An unanswered claim lapses by itself.
    .catch((cause: unknown) =>
      log.error({ err: cause, tool: tool.name }, 'an idempotent answer was not kept'),
    )
  return { answer, replayed: false }
}

const usedForAnotherRequest = () =>
  new HttpError(422, 'conflict', 'This Idempotency-Key was used for another request.', {
    where: 'header Idempotency-Key',
    hint: 'Use a new key for a new request; repeat one only with exactly the same tool and input.',
  })

const stillRunning = () =>
  conflict('The first request with this Idempotency-Key is still running.', {
    where: 'header Idempotency-Key',
    hint: 'Wait, then repeat the request with the same key to get its answer.',
    retryable: true,
    retryAfterSeconds: 2,
  })
