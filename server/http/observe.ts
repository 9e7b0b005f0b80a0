import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Logger } from '../../core/log.ts'
import { localsOf } from './call.ts'

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** Gives the request an id (the caller's own when it has one), a log of its own, and a line in the log at its end. */
export function observeRequest(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now()
    const given = req.get('x-request-id')
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()
    Object.assign(res.locals, { requestId, log: log.child({ requestId }) })
    res.set('X-Request-Id', requestId)
    res.once('close', () => {
      const { actor } = localsOf(res)
      log.info(
        {
          requestId,
          method: req.method,
          // Without the query, whose values are the caller's data.
          path: req.originalUrl.split('?')[0],
          status: res.writableFinished ? res.statusCode : 499,
          ms: Math.round(performance.now() - startedAt),
          ...(actor === undefined ? {} : { actor: actor.id }),
        },
        'request',
      )
    })
    next()
  }
}

/** Headers for answers that are data: nothing in them is to be run, framed, guessed at or cached. */
export const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
  })
  next()
}
