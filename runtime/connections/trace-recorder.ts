import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../../core/actor.ts'
import type { Logger } from '../../core/log.ts'
import { touchConnections } from '../../db/connections.ts'
import type { Database } from '../../db/database.ts'
import { insertTraces, type NewTrace } from '../../db/traces.ts'

/** How long a trace may wait for others to share its transaction. */
const COLLECT_MS = 10
const TRACES_PER_TRANSACTION = 200
/** Above this, callers wait for the database: traces must not fill the memory. */
const MAX_WAITING = 5_000
const TOUCH_EVERY_MS = 60_000

export interface TraceRecorder {
  /**
   * Stores a trace soon, together with others, and notes the connection it used (once a minute).
   * @returns a promise to wait for when too many are waiting
   */
  record(scope: TenantScope, trace: NewTrace): Promise<void> | undefined
  /** Resolves when every trace recorded so far is stored. */
  settled(): Promise<void>
}

interface Waiting {
  scope: TenantScope
  trace: NewTrace
}

const scopeKey = ({ organizationId, customerIds, shared }: TenantScope) =>
  `${organizationId}/${customerIds?.join(',') ?? '*'}/${shared === true}`

/** A transaction per call would cost more than many calls do; traces of calls made close together share one. */
export function buildTraceRecorder(db: Database, log: Logger): TraceRecorder {
  const recentlyUsed = new LRUCache<string, true>({ max: 50_000, ttl: TOUCH_EVERY_MS })
  let waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let written = Promise.resolve()

  const writeGroup = async (scope: TenantScope, traces: readonly NewTrace[]) => {
    const used = [...new Set(traces.flatMap(({ connection_id }) => connection_id ?? []))].filter(
      (id) => !recentlyUsed.has(id),
    )
    await db.tenant(scope, async (tx) => {
      await insertTraces(tx, scope.organizationId, traces)
      if (used.length > 0) await touchConnections(tx, used)
    })
    for (const id of used) recentlyUsed.set(id, true)
  }

  /** One bad trace (of an execution deleted meanwhile) must not take the others with it. */
  const writeEach = async (scope: TenantScope, traces: readonly NewTrace[]) => {
    for (const trace of traces) {
      await writeGroup(scope, [trace]).catch((error: unknown) => {
        log.error({ err: error, trace: trace.id, action: trace.action }, 'a trace could not be stored')
      })
    }
  }

  const write = async (items: readonly Waiting[]) => {
    for (const group of Map.groupBy(items, ({ scope }) => scopeKey(scope)).values()) {
      for (let from = 0; from < group.length; from += TRACES_PER_TRANSACTION) {
        const part = group.slice(from, from + TRACES_PER_TRANSACTION)
        const scope = part[0]?.scope
        if (scope === undefined) continue
        const traces = part.map(({ trace }) => trace)
        await writeGroup(scope, traces).catch(() => writeEach(scope, traces))
      }
    }
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const items = waiting
    waiting = []
    written = written.then(() => write(items))
  }

  return {
    record: (scope, trace) => {
      waiting.push({ scope, trace })
      timer ??= setTimeout(flush, COLLECT_MS)
      return waiting.length > MAX_WAITING ? written : undefined
    },
    settled: async () => {
      if (waiting.length > 0) flush()
      await written
    },
  }
}
