import type { TenantScope } from '../../core/actor.ts'
import { AppError, invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Database } from '../../db/database.ts'
import type { ExecutionRow, RunnableVersionRow } from '../../db/executions.ts'
import { deleteState, getState, type StateKey, setState } from '../../db/state.ts'
import type { SentEvent } from '../../db/step-waits.ts'
import type { Connections, RunAction } from '../connections/connections.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import { cryptoCall, isCryptoCall } from '../sandbox/crypto-calls.ts'
import type { BridgeCall } from '../sandbox/sandbox.ts'
import { openSecret } from '../secrets/secrets.ts'
import type { Vault } from '../vault/vault.ts'
import type { ChildAnswer } from './durable-bridge.ts'
import { fileCalls } from './file-calls.ts'
import { outsideOf } from './outside.ts'
import { refuseBeyond } from './reach.ts'
import { storeCalls } from './store-calls.ts'
import { textFileCalls } from './text-files.ts'

const MAX_KEY_LENGTH = 512
const MAX_STATE_BYTES = 1024 * 1024
const DEFAULT_ITEMS = 10_000
const MAX_ITEMS = 100_000
const MAX_PAGES = 10_000
/** What an isolate's memory can bear beside the workflow. */
const MAX_COLLECTED_BYTES = 16 * 1024 * 1024

/** What a run asks of other executions. */
export interface OtherExecutions {
  /** Runs a workflow for this one: its output, or the execution that will have it later. */
  run(parent: ExecutionRow, slug: string, input: Json, key: string, signal: AbortSignal): Promise<ChildAnswer>
  /** How one that was run for it stands. */
  outcome(scope: TenantScope, id: string): Promise<ChildAnswer>
  /** Starts one and gives its execution id. */
  start(parent: ExecutionRow, slug: string, input: Json): Promise<{ executionId: string }>
  /** Hands an event to the executions of the run's scope that wait for it; gives their ids. */
  sendEvent(scope: TenantScope, event: SentEvent): Promise<string[]>
}

export interface BridgeDeps {
  db: Database
  vault: Vault
  http: HttpClient
  connections: Connections
  files: Files
  others: OtherExecutions
}

/** The rows a run sees: its customer's and the organization's own. */
export const scopeOfRun = (execution: ExecutionRow): TenantScope =>
  execution.customer_id === null
    ? { organizationId: execution.organization_id, customerIds: null }
    : { organizationId: execution.organization_id, customerIds: [execution.customer_id], shared: true }

/**
 * A call made outside the sandbox; `key` is the same whenever the same call of an execution is made again.
 * `beforeSend` makes sure, late, that the run still has its execution: the call may have taken a while to get there.
 */
export type Effect = (
  call: BridgeCall,
  signal: AbortSignal,
  key: string,
  beforeSend: () => Promise<void>,
) => Promise<Json>
type EffectArguments = [args: Json[], signal: AbortSignal, key: string, beforeSend: () => Promise<void>]

/** What `ctx` reaches outside the sandbox, for one run of one execution, in that execution's scope. */
export function buildEffects(
  deps: BridgeDeps,
  execution: ExecutionRow,
  { connectors, reach }: Pick<RunnableVersionRow, 'connectors' | 'reach'>,
): Effect {
  const scope = scopeOfRun(execution)
  const attempt = { id: execution.id, attempt: execution.attempt }
  const { apps, fetch } = outsideOf(deps, execution)

  const actionOf = ([slug, action, input, options]: Json[]): RunAction => {
    const connector = text(slug, 'connector')
    if (!connectors.includes(connector)) {
      throw new AppError(
        'not_found',
        `This version of the workflow was not published with the connector '${connector}'.`,
        { hint: 'Name it in the code as ctx.connectors.<slug> and publish again.' },
      )
    }
    const connection = option(options, 'connection')
    return {
      connector,
      action: text(action, 'action'),
      input: object(input ?? {}, 'the action’s arguments'),
      customerId: execution.customer_id,
      execution: attempt,
      ...(typeof connection === 'string' ? { connection } : {}),
    }
  }

  const calls: Record<string, (...[args, signal, key, beforeSend]: EffectArguments) => Promise<Json>> = {
    'connectors.call': async (args, signal, idempotencyKey, beforeSend) => {
      const request = { ...actionOf(args), idempotencyKey, beforeSend }
      const outcome = await apps.runAction(scope, request, signal)
      return {
        output: outcome.output,
        status: outcome.status,
        headers: outcome.headers,
        durationMs: outcome.durationMs,
        warnings: outcome.warnings,
      }
    },
    'connectors.page': async (args, signal, _key, beforeSend) => {
      const next = option(args[3], 'next')
      const page = await apps.page(
        scope,
        { ...actionOf(args), beforeSend, ...(typeof next === 'string' ? { next } : {}) },
        signal,
      )
      return { items: page.items, next: page.next, stopped: page.stopped }
    },
    'connectors.collect': async (args, signal, _key, beforeSend) => {
      const next = option(args[3], 'next')
      const {
        last: _last,
        stopped,
        ...collected
      } = await apps.collect(
        scope,
        {
          ...actionOf(args),
          beforeSend,
          ...(typeof next === 'string' ? { next } : {}),
          maxItems: bounded(option(args[3], 'maxItems'), 'maxItems', DEFAULT_ITEMS, MAX_ITEMS),
          maxPages: bounded(option(args[3], 'maxPages'), 'maxPages', MAX_PAGES, MAX_PAGES),
          maxBytes: MAX_COLLECTED_BYTES,
        },
        signal,
      )
      return {
        ...collected,
        stopped: stopped === null ? null : (JSON.parse(JSON.stringify(stopped)) as Json),
      }
    },
    ...fileCalls(deps.files, scope, execution),
    ...storeCalls(deps.db, scope, execution),
    ...textFileCalls(deps.db, deps.files, scope, execution),
    'state.get': ([key, options]) =>
      deps.db.read(scope, (tx) => getState(tx, stateKey(execution, key, options))),
    'state.set': async ([key, value, options]) => {
      if (JSON.stringify(value ?? null).length > MAX_STATE_BYTES) {
        throw invalidInput('A state value may be 1 MiB of JSON at most.', {
          where: 'ctx.state.set',
          hint: 'Keep large data in the app it comes from, and its id here.',
        })
      }
      await deps.db.tenant(scope, (tx) => setState(tx, stateKey(execution, key, options), value ?? null))
      return null
    },
    'state.delete': async ([key, options]) => {
      await deps.db.tenant(scope, (tx) => deleteState(tx, stateKey(execution, key, options)))
      return null
    },
    'secrets.get': async ([name]) =>
      (
        await openSecret(deps.db, deps.vault, scope, {
          name: text(name, 'secret name'),
          customerId: execution.customer_id,
          environment: execution.environment,
        })
      ).reveal(),
    fetch: async ([url, init], signal) =>
      fetch(text(url, 'url'), object(init ?? {}, 'fetch options'), signal),
    'workflows.start': async ([slug, input]) => ({
      ...(await deps.others.start(execution, text(slug, 'workflow'), input ?? null)),
    }),
    'events.send': async ([name, event]) => ({
      received: (
        await deps.others.sendEvent(scope, {
          executionId: null,
          name: text(name, 'event name'),
          key: keyOf(option(event, 'key')),
          payload: option(event, 'payload') ?? null,
          environments: [execution.environment],
          mockedOnly: execution.mocks !== null,
        })
      ).length,
    }),
  }

  return async ({ name, args }, signal, key, beforeSend) => {
    if (isCryptoCall(name)) return cryptoCall(name, args)
    refuseBeyond(reach, name, args)
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined
    if (call === undefined) throw invalidInput(`ctx has no '${name}'.`)
    return call(args, signal, key, beforeSend)
  }
}

const option = (options: Json | undefined, name: string): Json | undefined =>
  isJsonObject(options) && Object.hasOwn(options, name) ? options[name] : undefined

function bounded(value: Json | undefined, name: string, normally: number, most: number): number {
  if (value === undefined || value === null) return normally
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  throw invalidInput(`${name} is a whole number from 1 to ${most}.`, { where: `collect.${name}` })
}

function keyOf(value: Json | undefined): string | null {
  if (value === undefined || value === null || typeof value === 'string') return value ?? null
  throw invalidInput('The key of an event is text.', { where: 'ctx.events.send' })
}

export function text(value: Json | undefined, what: string): string {
  if (typeof value !== 'string' || value === '') throw invalidInput(`The ${what} must be a non-empty string.`)
  return value
}

function object(value: Json, what: string): JsonObject {
  if (!isJsonObject(value))
    throw invalidInput(`Expected ${what} as one object.`, {
      hint: 'Pass one object with named fields, e.g. {owner: "acme"}.',
    })
  return value
}

function stateKey(execution: ExecutionRow, key: Json | undefined, options: Json | undefined): StateKey {
  const name = text(key, 'state key')
  if (name.length > MAX_KEY_LENGTH)
    throw invalidInput(`A state key may have ${MAX_KEY_LENGTH} characters at most.`)
  const given =
    isJsonObject(options) && typeof options.scope === 'string' ? options.scope.toLowerCase() : undefined
  const scope = given === 'org' ? 'organization' : given === 'invocation' ? 'execution' : given
  const organizationId = execution.organization_id
  if (scope === undefined ? execution.customer_id !== null : scope === 'customer') {
    if (execution.customer_id === null) {
      throw invalidInput('This execution runs for no customer, so it has no customer state.', {
        hint: "Use {scope: 'organization'}.",
      })
    }
    return {
      organizationId,
      customerId: execution.customer_id,
      scope: 'customer',
      scopeId: execution.customer_id,
      key: name,
    }
  }
  if (scope === 'execution') {
    return { organizationId, customerId: execution.customer_id, scope, scopeId: execution.id, key: name }
  }
  if (scope === undefined || scope === 'organization') {
    return { organizationId, customerId: null, scope: 'organization', scopeId: '', key: name }
  }
  throw invalidInput(`No state scope '${scope}'.`, { hint: "Use 'organization', 'customer' or 'execution'." })
}
