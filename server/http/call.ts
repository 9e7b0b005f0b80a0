import type { Request, RequestHandler, Response } from 'express'
import type { Actor } from '../../core/actor.ts'
import { AppError, toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { RateLimitState } from '../../runtime/access/rate-limits.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { type Invoker, invoke } from '../../tools/invoke.ts'
import { type Answer, answerOnce, idempotencyKeyOf } from './idempotency.ts'
import { sendProblem, toProblem } from './problem.ts'

/** What the middleware of app.ts leaves for the handlers. */
export interface RequestLocals {
  requestId: string
  log: Logger
  actor?: Actor
}

export const localsOf = (res: Response): RequestLocals => res.locals as RequestLocals

/** The `X-RateLimit-*` headers. Other limits than the key's report other facts; they are left to the body. */
export function setRateHeaders(res: Response, state: Partial<Record<keyof RateLimitState, unknown>>): void {
  if (![state.limit, state.remaining, state.resetAt].every(Number.isFinite) || res.headersSent) return
  res.set({
    'X-RateLimit-Limit': String(state.limit),
    'X-RateLimit-Remaining': String(state.remaining),
    'X-RateLimit-Reset': String(state.resetAt),
  })
}

/**
 * Calls a tool for an authenticated request and answers with its output.
 * @param read takes the tool and its input out of the request
 */
export function callHandler(
  invoker: Invoker,
  read: (req: Request) => Promise<{ tool: AnyTool; input: Record<string, unknown> }>,
): RequestHandler {
  return async (req, res) => {
    const { actor, log, requestId } = localsOf(res)
    if (actor === undefined) throw new AppError('internal', 'A route was reached without authentication.')
    const { tool, input } = await read(req)
    const key = ['GET', 'HEAD'].includes(req.method) ? undefined : idempotencyKeyOf(req)
    const onRateLimit = (state: RateLimitState) => setRateHeaders(res, state)
    const run = (signal?: AbortSignal) =>
      invoke({ ...invoker, log }, { tool, actor, input, signal, onRateLimit })

    if (key === undefined) {
      const output = await run(disconnectSignal(res))
      res.status(tool.successStatus ?? 200).json(output)
      return
    }

    // With a key the call goes on when the client leaves: it left an answer to be fetched by a repeat.
    let failure: AppError | undefined
    const { answer, replayed } = await answerOnce(
      { db: invoker.db, vault: invoker.services.vault, log },
      { actor, tool, input, key },
      () =>
        run().then(
          (output): Answer => ({ status: tool.successStatus ?? 200, body: output, claim: 'keep' }),
          (cause: unknown): Answer => {
            failure = toAppError(cause)
            return {
              status: failure.status,
              body: toProblem(failure, requestId),
              claim: afterFailure(failure),
            }
          },
        ),
    )
    if (failure !== undefined) {
      sendProblem(res, failure, requestId)
      return
    }
    if (replayed) {
      onRateLimit(await invoker.limits.consume(actor))
      res.set('Idempotent-Replayed', 'true')
    }
    res.status(answer.status)
    if (answer.status >= 400) res.type('application/problem+json').send(JSON.stringify(answer.body))
    else res.json(answer.body)
  }
}

/** An answer that would be the same again is kept. A call out of time may not have stopped yet. */
function afterFailure(error: AppError): Answer['claim'] {
  if (error.code === 'timeout') return 'leave'
  return error.retryable || error.status >= 499 ? 'free' : 'keep'
}

/** Aborts when the client goes away before it has its answer. */
function disconnectSignal(res: Response): AbortSignal {
  const controller = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) controller.abort()
  })
  return controller.signal
}
