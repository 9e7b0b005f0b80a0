import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import type { Calls, Connections } from '../connections/connections.ts'
import { isAllowed, OWN_REQUESTS } from '../connections/may-write.ts'
import { effectOf } from '../connectors/effect.ts'
import type { HttpClient } from '../http/client.ts'

/** All by which an execution reaches systems outside. */
export interface Outside {
  apps: Calls
  fetch(url: string, init: JsonObject, signal: AbortSignal): Promise<Json>
}

/** The apps and the network, or what stands in for them where the execution is mocked. */
export function outsideOf(
  { connections, http }: { connections: Connections; http: HttpClient },
  { mocks }: Pick<ExecutionRow, 'mocks'>,
): Outside {
  return {
    apps: mocks === null ? connections : connections.mocked(mocks),
    fetch:
      mocks?.mode === 'full'
        ? refusedFetch
        : (url, init, signal) => {
            requireMayWrite(mocks, url, init)
            return guardedFetch(http, url, init, signal)
          },
  }
}

/** @throws AppError `forbidden` for a request that may change something, of an execution that may not */
function requireMayWrite(mocks: ExecutionRow['mocks'], url: string, init: JsonObject): void {
  if (mocks?.mayWrite === undefined || isAllowed(mocks.mayWrite, OWN_REQUESTS)) return
  const headers = isJsonObject(init.headers) ? Object.keys(init.headers) : []
  const parameters = headers.map((name) => ({ name, in: 'header' }))
  const method = String(init.method ?? 'GET').toUpperCase()
  if (effectOf({ method, path: url, parameters }) === 'read') return
  throw new AppError('forbidden', `This execution may not write with ${OWN_REQUESTS}: nobody allowed it.`, {
    where: OWN_REQUESTS,
    hint: `run_workflow with mode live sends it, and so does a guarded run whose mayWrite names ${OWN_REQUESTS}.`,
  })
}

const refusedFetch: Outside['fetch'] = async () => {
  throw new AppError('forbidden', 'This execution is mocked: it may not use ctx.fetch, which has no mocks.', {
    where: 'ctx.fetch',
    hint: 'Call the app by an action and say with set_action_mock what it answers; run_workflow with mode partial_mock lets ctx.fetch through.',
  })
}

async function guardedFetch(
  http: HttpClient,
  url: string,
  init: JsonObject,
  signal: AbortSignal,
): Promise<Json> {
  const headers = isJsonObject(init.headers)
    ? Object.fromEntries(Object.entries(init.headers).map(([name, value]) => [name, String(value)]))
    : {}
  const body =
    init.body === undefined || init.body === null
      ? {}
      : { body: typeof init.body === 'string' ? init.body : JSON.stringify(init.body) }
  const response = await http.request(
    { method: typeof init.method === 'string' ? init.method.toUpperCase() : 'GET', url, headers, ...body },
    signal,
  )
  return {
    status: response.status,
    headers: response.headers,
    url: response.url,
    body: Buffer.from(response.body).toString('utf8'),
  }
}
