import type { TenantScope } from '../../core/actor.ts'
import { type AppError, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../db/database.ts'
import { getTrace } from '../../db/traces.ts'
import type { Connections } from '../../runtime/connections/connections.ts'
import type { Called, TestPort } from '../../runtime/connectors/test/port.ts'
import type { ActionVerdict } from '../../runtime/connectors/test/report.ts'

const CALL_TIMEOUT_MS = 30_000
const READ_ON = { maxItems: 1_000, maxPages: 2, maxBytes: 4 * 1024 * 1024, maxMs: 60_000 }

interface Account {
  connector: string
  customerId: string | null
  connection: string | undefined
}

/** Calls through the account's connection, as any other call: signed, limited, retried and traced. */
export function buildTestPort(connections: Connections, scope: TenantScope, account: Account): TestPort {
  return {
    async call(action, input, signal) {
      try {
        const outcome = await connections.runAction(
          scope,
          { ...account, action, input, timeoutMs: CALL_TIMEOUT_MS },
          signal,
        )
        const { output, status, warnings, traceId: trace, durationMs } = outcome
        return { ok: true, output, status, warnings, trace, durationMs }
      } catch (cause) {
        return refused(toAppError(cause))
      }
    },
    async readPages(action, input, signal) {
      try {
        const { stopped } = await connections.collect(
          scope,
          { ...account, action, input, ...READ_ON },
          signal,
        )
        return stopped === null || stopped.reason === 'limit' ? null : `Its second page: ${stopped.message}`
      } catch (cause) {
        return `Its pages cannot be read: ${toAppError(cause).message}`
      }
    },
  }
}

/** @throws AppError for what is wrong with the account or in here, and says nothing about the action */
function refused(error: AppError): Called {
  const { code, data, message } = error
  const trace = typeof data?.traceId === 'string' ? data.traceId : null
  if (trace === null && code !== 'cancelled' && code !== 'timeout') throw error
  const status = typeof data?.status === 'number' ? data.status : null
  return {
    ok: false,
    status,
    message: error.where === undefined ? message : `${message} (${error.where})`,
    refusedInput: code === 'invalid_input',
    unknown: status === null && code !== 'invalid_input',
    trace,
  }
}

const MAX_WITH_EVIDENCE = 25
const MAX_EVIDENCE_CHARS = 4_000

/** The verdicts, failures with what was sent and what came back. */
export async function withEvidence(tx: Tx, verdicts: readonly ActionVerdict[]): Promise<ActionVerdict[]> {
  const found: ActionVerdict[] = []
  let shown = 0
  for (const verdict of verdicts) {
    const row =
      verdict.verdict === 'failed' && verdict.trace !== null && shown < MAX_WITH_EVIDENCE
        ? await getTrace(tx, verdict.trace)
        : undefined
    if (row !== undefined) shown += 1
    found.push(
      row === undefined
        ? verdict
        : { ...verdict, evidence: { request: cut(row.request), response: cut(row.response) } },
    )
  }
  return found
}

/** Whole where it is short; otherwise the beginning of its text. */
function cut(value: JsonObject | unknown): unknown {
  const text = JSON.stringify(value)
  return text.length <= MAX_EVIDENCE_CHARS ? value : `${text.slice(0, MAX_EVIDENCE_CHARS)}…`
}
