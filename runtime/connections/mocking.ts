import type { TenantScope } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import { type ActionMockRow, type MockAnswer, mocksOfAction } from '../../db/action-mocks.ts'
import type { Database } from '../../db/database.ts'
import type { Mocks } from '../../db/executions.ts'
import type { HttpClient } from '../http/client.ts'
import type { Vault } from '../vault/vault.ts'
import type { ActionOutcome, Calls } from './connections.ts'
import type { MakeCall } from './make-call.ts'
import { isAllowed } from './may-write.ts'
import { buildPaging } from './paging.ts'
import type { Resolver } from './resolve.ts'

/** The scenario that answers where none is named. */
export const DEFAULT_SCENARIO = 'default'

interface Parts {
  db: Database
  vault: Vault
  resolver: Resolver
  make: MakeCall
  /** Calls the app: what `partial` does with what has no mock, and `guarded` with what does no harm. */
  runAction: Calls['runAction']
}

/**
 * Calls of an execution that is to call no app. What a mock answers goes the way of any answer, from the check of the
 * input to the error rules and the output schema, but no account is needed and nothing is sent.
 */
export function buildMockedCalls(parts: Parts, mocks: Mocks): Calls {
  if (mocks.mode === 'guarded') return buildGuardedCalls(parts, mocks)
  const { db, resolver, make } = parts

  const mockFor = async (scope: TenantScope, connector: string, action: string) => {
    const name = `${connector}.${action}`
    const there = await db.read(scope, (tx) => mocksOfAction(tx, connector, action))
    return chooseMock(there, name, Object.hasOwn(mocks.scenarios, name) ? mocks.scenarios[name] : undefined)
  }

  const resolve: Resolver['resolve'] = async (scope, want) => {
    const mock = await mockFor(scope, want.connector, want.action)
    if (mock === undefined && mocks.mode === 'partial') return resolver.resolve(scope, want)
    return resolver.resolve(scope, { ...want, connection: null, withoutAccount: true })
  }

  const runAction: Calls['runAction'] = async (scope, request, signal) => {
    const { connector, action, customerId } = request
    const mock = await mockFor(scope, connector, action)
    if (mock === undefined && mocks.mode === 'partial') return parts.runAction(scope, request, signal)
    const want = { connector, action, customerId, connection: null, withoutAccount: true }
    const call = await resolver.resolve(scope, want)
    if (mock === undefined) throw noMock(`${connector}.${action}`)
    const answer = mock.answers.find(({ when }) => when === null || holds(request.input, when))
    // The rest of a list is what has an answer of its own.
    if (request.page?.later === true && (answer?.when ?? null) === null) return END_OF_LIST
    if (answer === undefined) throw noAnswer(`${connector}.${action}`, mock.scenario)
    const context = { ...request, mock: { scenario: mock.scenario, answer } }
    return make(scope, call, new Secret({}), request.input, context, signal)
  }

  return { runAction, ...buildPaging(parts, { ...resolver, resolve }, runAction) }
}

/** Calls of an execution that deletes nothing, and writes only where it may: whatever its code comes to, by whatever spelling. */
function buildGuardedCalls(parts: Parts, { mayWrite }: Mocks): Calls {
  const { resolver } = parts
  const resolve: Resolver['resolve'] = async (scope, want) => {
    const call = await resolver.resolve(scope, want)
    const { effect } = call.action
    const name = `${want.connector}.${want.action}`
    if (effect === 'read') return call
    if (effect === 'write' && (mayWrite === undefined || isAllowed(mayWrite, name))) return call
    const refused =
      effect === 'write'
        ? `This execution may not write with ${name}: nobody allowed it.`
        : `This execution calls nothing that is destructive, and ${name} is.`
    throw new AppError('forbidden', refused, {
      where: name,
      hint: `run_workflow with mode full_mock tries it with mocks, with mode live it is really called${effect === 'write' ? ', and so it is when mayWrite names it' : ''}.`,
    })
  }
  const runAction: Calls['runAction'] = async (scope, request, signal) => {
    const { connector, action, customerId } = request
    await resolve(scope, { connector, action, customerId, connection: null, withoutAccount: true })
    return parts.runAction(scope, request, signal)
  }
  return { runAction, ...buildPaging(parts, { ...resolver, resolve }, runAction) }
}

const END_OF_LIST: ActionOutcome = {
  output: null,
  status: 200,
  headers: {},
  durationMs: 0,
  url: '',
  warnings: [],
  traceId: '',
  endOfList: true,
}

/** The scenario asked for by its name or a part of it; where none is, the default one, or the only one. */
function chooseMock(
  there: readonly ActionMockRow[],
  name: string,
  wanted: string | undefined,
): ActionMockRow | undefined {
  const scenarios = there.map(({ scenario }) => scenario)
  if (wanted !== undefined) {
    const found =
      there.find(({ scenario }) => scenario === wanted) ??
      there.find(({ scenario }) => scenario.toLowerCase().includes(wanted.toLowerCase()))
    if (found !== undefined) return found
    throw new AppError('not_found', `${name} has no mock of the scenario '${wanted}'.`, {
      where: `mockScenarios["${name}"]`,
      hint: `${scenarios.length === 0 ? 'It has none' : `It has: ${scenarios.slice(0, 10).join(', ')}`}. set_action_mock ${callOf(name, wanted)} sets it.`,
    })
  }
  const usual = there.find(({ scenario }) => scenario === DEFAULT_SCENARIO)
  if (usual !== undefined || there.length < 2) return usual ?? there[0]
  throw new AppError('conflict', `${name} has ${there.length} mocks, and none is '${DEFAULT_SCENARIO}'.`, {
    where: `mockScenarios["${name}"]`,
    hint: `Name one in mockScenarios: ${scenarios.slice(0, 10).join(', ')}.`,
  })
}

const noMock = (name: string) =>
  new AppError('not_found', `This execution calls no app, and ${name} has no mock (set_action_mock).`, {
    where: name,
    hint: `set_action_mock ${callOf(name)} says what it answers; run_workflow with mode partial_mock calls what has none.`,
  })

const noAnswer = (name: string, scenario: string) =>
  new AppError('not_found', `The mock '${scenario}' of ${name} has no answer for this input.`, {
    where: name,
    hint: `set_action_mock ${callOf(name, scenario)}: add an answer whose \`when\` the input holds, or one without \`when\`.`,
  })

function callOf(name: string, scenario?: string): string {
  const [connector, action] = name.split('.')
  return JSON.stringify({ connector, action, ...(scenario === undefined ? {} : { scenario }) })
}

/** Does an input hold all that is asked for? Objects may hold more, lists and values are the same. */
function holds(value: Json | undefined, asked: Json): boolean {
  if (isJsonObject(asked))
    return isJsonObject(value) && Object.entries(asked).every(([name, part]) => holds(own(value, name), part))
  if (Array.isArray(asked))
    return (
      Array.isArray(value) &&
      value.length === asked.length &&
      asked.every((part, at) => holds(value[at], part))
    )
  return value === asked
}

const own = (value: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(value, name) ? value[name] : undefined

/** Answers as the app would, and sends nothing. */
export const playedHttp = ({ status, headers, output }: MockAnswer): HttpClient => ({
  request: async ({ url }) => {
    const sent = {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    }
    const plain = typeof output === 'string' && !/\bjson\b/.test(sent['content-type'])
    const body = output === null ? '' : plain ? output : JSON.stringify(output)
    return { status, headers: sent, body: Buffer.from(body), url, durationMs: 0 }
  },
  close: async () => undefined,
})

/** The mock that answers a call. */
export interface MockedCall {
  scenario: string
  answer: MockAnswer
}
