import type express from 'express'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { type AgentRunEventRow, listAgentRunEvents } from '../../db/agent-runs.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'
import { MAX_EVENT, requireAgentRun } from '../../tools/agents/agent-run.ts'
import type { Invoker } from '../../tools/invoke.ts'
import { authenticateRequest } from './authentication.ts'
import { localsOf, setRateHeaders } from './call.ts'
import { API_PREFIX } from './routes.ts'

const PERMISSION = 'agents.read'
const PAGE = 100
/** Something is sent at least so often: proxies cut what is silent, and a client learns that it lost the server. */
const HEARTBEAT_MS = 15_000
const ENDED: readonly string[] = ['completed', 'failed', 'canceled']

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
    if (!actor.permissions.has(PERMISSION)) {
      throw new AppError('forbidden', `Watching a run needs the permission ${PERMISSION}.`, {
        hint: 'Use a key with that permission, or ask an owner for one.',
        data: { permission: PERMISSION },
      })
    }
    const run = req.params.run
    const page = pageReader(invoker, actor, run)
    let after = lastSeen(req)
    let { events, ended } = await page(after) // a run that is not there is a problem document, not a stream
    res.set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    res.flushHeaders()
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    let sentAt = performance.now()
    while (!gone.signal.aborted) {
      for (const event of events) res.write(asServerSent(event))
      after = events.at(-1)?.seq ?? after
      if (events.length > 0) sentAt = performance.now()
      else if (performance.now() - sentAt > HEARTBEAT_MS) {
        res.write(': still here\n\n')
        sentAt = performance.now()
      }
      if (ended) {
        res.end('event: end\ndata: {}\n\n')
        return
      }
      if (events.length < PAGE) await invoker.services.agents.news(run, HEARTBEAT_MS, gone.signal)
      // A key that was revoked meanwhile sees no more of it.
      await authenticateRequest(req, apiKeys, 'http')
      ;({ events, ended } = await page(after))
    }
  })
}

const pageReader =
  ({ db }: Invoker, actor: Actor, run: string) =>
  (after: number): Promise<{ events: AgentRunEventRow[]; ended: boolean }> =>
    db.read(scopeOf(actor), async (tx) => {
      const row = await requireAgentRun(tx, run)
      const events = await listAgentRunEvents(tx, { run, after, limit: PAGE })
      return { events, ended: ENDED.includes(row.status) && (events.at(-1)?.seq ?? after) >= row.last_event }
    })

const asServerSent = ({ seq, type, data, created_at }: AgentRunEventRow): string =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ ...data, at: created_at })}\n\n`

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
