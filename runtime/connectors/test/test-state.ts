import type { JsonObject } from '../../../core/json.ts'
import type { ActionDefinition, ConnectorDefinition } from '../definition.ts'
import { wordsOf } from '../fix/similarity.ts'
import { isSchemaObject } from '../json-schema.ts'
import type { TestBounds, TestPort } from './port.ts'
import type { ActionVerdict, TestReport } from './report.ts'
import { type ActionRole, resolved, resourceOf, rolesOf } from './roles.ts'
import { knownValues } from './sample-input.ts'
import { buildThings, type Things } from './things.ts'

export interface TestRequest {
  definition: Pick<ConnectorDefinition, 'actions' | 'schemas'>
  /** Slugs to test. */
  actions: readonly string[]
  allowWrites: boolean
  seed: number
  /** Inputs by action; those under '*' are for every action that has such a key. */
  inputs: Record<string, JsonObject>
  bounds: TestBounds
  signal: AbortSignal
  onProgress?: (done: number, total: number, message: string) => void
}

export type TestResult = Omit<TestReport, 'connector' | 'connection' | 'counts'>

/** The state of one test. */
export interface Test {
  request: TestRequest
  port: TestPort
  prefix: string
  roles: Map<string, ActionRole>
  actions: Map<string, ActionDefinition>
  /** Roles of what may make or list things, by the words for one: of the collection, and of fields of the answer. */
  sources: Map<string, ActionRole[]>
  /** Values the schemas name, by action. */
  known: Map<string, JsonObject>
  things: Things
  verdicts: Map<string, ActionVerdict>
  support: TestResult['support']
  /** Calls made for the sake of others, by action. */
  helped: Map<string, number>
  /** Slugs of calls that failed: what they need is not got by calling them again. */
  failed: Set<string>
  left: TestResult['cleanup']['left']
  deleted: TestResult['cleanup']['deleted']
  calls: number
  startedAt: number
  lastCallAt: number
  /** Actions that lacked something, with the state of things then: another one may change that. */
  blocked: Map<string, number>
  /** Actions that could not be helped, in the same way. */
  helpless: Map<string, number>
  /** Did the app take the credentials at least once? */
  accepted: boolean
  /** Calls answered 401 before that. */
  refusals: number
  stopped: string | null
}

export function buildTest(port: TestPort, request: TestRequest): Test {
  const { definition, seed } = request
  const roles = rolesOf(definition.actions, definition.schemas)
  return {
    request,
    port,
    prefix: `patchbay-test-${(seed >>> 0).toString(36)}`,
    roles,
    sources: sourcesOf(request.definition, roles),
    known: new Map(),
    actions: new Map(definition.actions.map((action) => [action.slug, action])),
    things: buildThings(),
    verdicts: new Map(),
    support: [],
    helped: new Map(),
    failed: new Set(),
    left: [],
    deleted: [],
    calls: 0,
    startedAt: Date.now(),
    lastCallAt: 0,
    blocked: new Map(),
    helpless: new Map(),
    accepted: false,
    refusals: 0,
    stopped: null,
  }
}

function sourcesOf({ actions, schemas }: TestRequest['definition'], roles: Map<string, ActionRole>) {
  const found = new Map<string, ActionRole[]>()
  for (const { slug, outputSchema } of actions) {
    const role = roles.get(slug)
    if (role === undefined || (role.kind !== 'list' && role.kind !== 'create')) continue
    const { properties } = resolved(outputSchema, schemas) ?? {}
    const fields = isSchemaObject(properties) ? Object.keys(properties) : []
    const words = [resourceOf(role.collection), ...fields.map((field) => wordsOf(field).join(' '))]
    for (const word of new Set(words)) found.set(word, [...(found.get(word) ?? []), role])
  }
  return found
}

/** Values the action's own schema names, looked for once. */
export function knownFor(test: Test, action: ActionDefinition): JsonObject {
  const kept = test.known.get(action.slug)
  if (kept !== undefined) return kept
  const found = knownValues(action, test.request.definition.schemas)
  test.known.set(action.slug, found)
  return found
}

/** What the caller gave for an action: its own, and what is for all that have such a key. */
export function givenFor({ request, actions }: Test, slug: string): JsonObject {
  const { properties = {} } = (actions.get(slug)?.inputSchema ?? {}) as { properties?: object }
  const all = Object.entries(request.inputs['*'] ?? {}).filter(([key]) => Object.hasOwn(properties, key))
  return { ...Object.fromEntries(all), ...request.inputs[slug] }
}
