import { createRequire } from 'node:module'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { applyAuth } from '../../runtime/connectors/apply-auth.ts'
import type { ActionDefinition, ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { importSpec } from '../../runtime/connectors/import/import-spec.ts'
import { type BuiltRequest, buildRequest } from '../../runtime/connectors/request.ts'
import { validateInput } from '../../runtime/connectors/validate-input.ts'
import {
  type PrismOperation,
  problemsOf,
  requestsOf,
  seeded,
  type WireProblem,
  type WireResult,
} from './check-wire.ts'
import { compareRequests } from './compare-requests.ts'
import { credentialsOf, inputOfSaved } from './read-saved.ts'
import { collectionVariables, type SavedRequest, sendSavedRequests } from './saved-requests.ts'

// A dependency of Prism's, by which its command line reads collections.
const prismRequire = createRequire(createRequire(import.meta.url).resolve('@stoplight/prism-http'))
const { transformPostmanCollectionOperations } = prismRequire('@stoplight/http-spec/postman') as {
  transformPostmanCollectionOperations(collection: object): PrismOperation[]
}

/**
 * Imports a collection and checks its actions in two ways. Each saved request is sent by Postman's own runtime, and
 * our action, called with what the saved request says, must send the same. And requests made from the action's own
 * schema are given to Prism's validator with what its own reader of collections makes of the item.
 * @param text the collection
 * @param share of the requests that are checked, chosen by `seed`
 */
export async function checkPostman(
  text: string,
  options: { share?: number; seed?: number } = {},
): Promise<WireResult> {
  const collection = JSON.parse(text) as JsonObject
  const startedAt = performance.now()
  const { definition, report } = await importSpec(withEnvironment(text), { slug: 'app' })
  const importMs = performance.now() - startedAt
  const random = seeded(options.seed ?? 1)
  const chosen = definition.actions.filter(() => options.share === undefined || random() <= options.share)
  const pointers = new Set(chosen.map(pointerOf))
  const { requests, failed } = await sendSavedRequests(text, pointers)
  const saved = new Map(requests.map((request) => [request.pointer, request]))
  const result: WireResult = {
    operations: report.operations,
    actions: definition.actions.length,
    approximated: new Set(report.approximated.map(({ action }) => action)).size,
    refused: report.skipped.map(({ method, path, reason }) => ({ operation: `${method} ${path}`, reason })),
    checked: 0,
    requests: 0,
    unsampled: [],
    problems: [],
    importMs,
  }
  for (const action of chosen) {
    const pointer = pointerOf(action)
    const sent = saved.get(pointer)
    if (sent === undefined)
      result.problems.push(
        problem(action, 'postman', failed.get(pointer) ?? 'Postman did not send this request'),
      )
    else result.problems.push(...(await differences(definition, action, sent)))
    const operation = operationAt(collection, pointer)
    const generated = requestsOf(definition, action, random)
    if (generated.length === 0) result.unsampled.push(action.slug)
    else result.checked += 1
    result.requests += generated.length + (sent === undefined ? 0 : 1)
    for (const request of generated)
      result.problems.push(...problemsOf(definition, action, operation, request))
  }
  return result
}

/** The collection with an environment that says where its API is, as Postman's user has one. */
function withEnvironment(text: string) {
  const addresses = collectionVariables(text).filter(({ value }) => value.startsWith('https:'))
  if (addresses.length === 0) return { text }
  const environment = JSON.stringify({ name: 'wire', values: addresses })
  return { files: { 'collection.json': text, 'environment.json': environment }, root: 'collection.json' }
}

const pointerOf = ({ source }: ActionDefinition): string => (source?.pointer ?? '').replace(/^#/, '')

const problem = (
  { slug, method, path }: ActionDefinition,
  where: string,
  message: string,
  request?: BuiltRequest,
): WireProblem => ({
  action: slug,
  operation: `${method} ${path}`,
  where,
  message,
  request:
    request === undefined ? '' : `${request.method} ${request.url}\n${JSON.stringify(request.headers)}\n`,
})

async function differences(
  definition: ConnectorDefinition,
  action: ActionDefinition,
  saved: SavedRequest,
): Promise<WireProblem[]> {
  const input = await inputOfSaved(definition, action, saved)
  if (input === undefined)
    return [problem(action, 'saved path', `${saved.url} is not of the template ${action.path}`)]
  let request: BuiltRequest
  try {
    validateInput(definition.schemas, action, input)
    request = authenticated(definition, action, buildRequest(definition, action, input), saved)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [problem(action, 'saved input', error.message)]
  }
  const found = await compareRequests(request, saved)
  return found.map(({ where, message }) => problem(action, `saved ${where}`, message, request))
}

function authenticated(
  { authMethods }: ConnectorDefinition,
  { auth }: ActionDefinition,
  request: BuiltRequest,
  saved: SavedRequest,
): BuiltRequest {
  const method = authMethods.find(({ slug }) => auth === undefined || auth.includes(slug))
  return method === undefined ? request : applyAuth(request, method, credentialsOf(method, saved))
}

/** What Prism's reader of collections makes of one item alone, in its folders, whose auth it inherits. */
function operationAt(collection: JsonObject, pointer: string): PrismOperation {
  const indexes = pointer.split('/item/').slice(1).map(Number)
  const only = (node: JsonObject, [index, ...deeper]: number[]): JsonObject => {
    const child = index === undefined || !Array.isArray(node.item) ? undefined : node.item[index]
    return isJsonObject(child) ? { ...node, item: [only(child, deeper)] } : node
  }
  // Without its variables: what is one in an address is a parameter of ours.
  const { variable: _values, ...rest } = collection
  const [operation] = transformPostmanCollectionOperations(only(rest, indexes))
  if (operation === undefined) throw new Error(`Prism finds no request at ${pointer}.`)
  return shownNotRequired(operation)
}

/**
 * Prism takes everything that a saved request shows for required, also what is switched off there; but an example
 * shows what can be there, and not what must.
 */
function shownNotRequired(operation: PrismOperation): PrismOperation {
  const path = operation.path.replace(/\{\{([^{}]+)\}\}/g, '{$1}')
  const parse = JSON.stringify(operation, (key, value: Json) =>
    key === 'required' && (value === true || Array.isArray(value)) ? undefined : value,
  )
  return { ...(JSON.parse(parse) as PrismOperation), path }
}
