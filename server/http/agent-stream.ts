import type express from 'express'
import { AppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'
import { MAX_EVENT } from '../../tools/agents/agent-run.ts'
import type { Invoker } from '../../tools/invoke.ts'
import { authenticateRequest } from './authentication.ts'
import { localsOf, setRateHeaders } from './call.ts'
import { pacedWriter } from './paced-writer.ts'
import { API_PREFIX } from './routes.ts'

const PAGE = 100
/** Something is sent at least so often: proxies cut what is silent, and a client learns that it lost the server. */
const HEARTBEAT_MS = 15_000
const WAIT_SECONDS = 15

/**
 * `GET /api/v1/agent-runs/{run}/stream`: the events of a run as Server-Sent Events, whichever process works on it. Each
 * has its number as `id`, so that a client that comes back with `Last-Event-ID` (or `?after=`) misses none. The stream
 * ends with the run, by an event `end`.
 */
export function mountAgentStream(app: express.Express, invoker: Invoker, apiKeys: ApiKeys): void {
  app.get(`${API_PREFIX}/agent-runs/:run/stream`, async (req, res) => {
    const actor = await authenticateRequest(req, apiKeys, 'http')
    localsOf(res).actor = actor
    setRateHeaders(res, await invoker.limits.consume(actor))
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    // By the one path of every call: who may not read the run is refused, and that is in the audit log.
    const page = async (after: unknown, waitSeconds = 0) =>
      (await invoker.services.catalog.call(
        'list_agent_run_events',
        { run: req.params.run, after: after as Json, limit: PAGE, waitSeconds },
        { actor, signal: gone.signal },
      )) as unknown as { events: SeenEvent[]; ended: boolean }
    let after = lastSeen(req)
    let { events, ended } = await page(after) // a run that is not there is a problem document, not a stream
    res.set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    res.flushHeaders()
    let sentAt = performance.now()
    // Who reads slowly is waited for: what they have not read yet stays in the database. Who is let go comes back with `Last-Event-ID`.
    const write = pacedWriter(res, gone.signal)
    const send = (text: string) => {
      sentAt = performance.now()
      return write(text)
    }
    try {
      while (!gone.signal.aborted) {
        for (const event of events) await send(asServerSent(event))
        after = events.at(-1)?.seq ?? after
        if (events.length === 0 && performance.now() - sentAt > HEARTBEAT_MS) await send(': still here\n\n')
        if (ended) {
          res.end('event: end\ndata: {}\n\n')
          return
        }
        // A key that was revoked meanwhile sees no more of it.
        await authenticateRequest(req, apiKeys, 'http')
        ;({ events, ended } = await page(after, WAIT_SECONDS))
      }
    } catch (error) {
      if (!gone.signal.aborted) throw error
    }
  })
}

interface SeenEvent {
  seq: number
  type: string
  data: JsonObject
  at: string
}

const asServerSent = ({ seq, type, data, at }: SeenEvent): string =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ ...data, at })}\n\n`

/** @throws AppError `invalid_input` when it is no number of an event */
function lastSeen(req: express.Request): number {
  const given = req.get('last-event-id') ?? req.query.after ?? '0'
  const seen = Number(given)
  if (Number.isInteger(seen) && seen >= 0 && seen <= MAX_EVENT) return seen
  throw new AppError('invalid_input', 'Last-Event-ID is not the number of an event.', {
    where: 'Last-Event-ID',
    hint: 'Send the id of the last event seen, or leave it out for all.',
  })
}
