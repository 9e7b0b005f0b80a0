import type { JsonObject } from '../../core/json.ts'
import type { ActionDefinition, ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { importSpec } from '../../runtime/connectors/import/import-spec.ts'
import { type SampleChoice, sampleInput } from '../../runtime/connectors/import/sample-input.fixture.ts'
import type { LoadedFile } from '../../runtime/connectors/input-files.ts'
import { type BuiltRequest, buildRequest } from '../../runtime/connectors/request.ts'
import { UNKNOWN_HOST } from '../../runtime/connectors/server-url.ts'
import { validateInput } from '../../runtime/connectors/validate-input.ts'
import { judge, type PrismOperation, type PrismProblem, readOperations } from './prism.ts'
import type { Specification } from './specifications.ts'

export type { PrismOperation } from './prism.ts'

export interface WireProblem {
  action: string
  operation: string
  /** Where in the request, as Prism says it. */
  where: string
  message: string
  /** Is it gone when several alternatives of a `oneOf` may fit? */
  overlaps?: true
  request: string
}

export interface WireResult {
  operations: number
  actions: number
  approximated: number
  refused: { operation: string; reason: string }[]
  /** Operations of which at least one request was checked. */
  checked: number
  requests: number
  /** Operations none of whose samples our own check of the input lets through, so that nothing leaves. */
  unsampled: string[]
  problems: WireProblem[]
  importMs: number
}

const VARIANTS: SampleChoice[] = [{ optional: 'none' }, { optional: 'top' }]
const RANDOM_VARIANTS = 3

/**
 * Imports a description, makes requests from the actions' own input schemas, and has Prism check the very bytes
 * against the description itself.
 * @param share of the operations that are checked, chosen by `seed`
 */
export async function checkWire(
  specification: Specification,
  options: { share?: number; seed?: number } = {},
): Promise<WireResult> {
  const startedAt = performance.now()
  const { definition, report } = await importSpec(specification.source(), { slug: 'app' })
  const importMs = performance.now() - startedAt
  const operations = await readOperations(specification.document())
  const random = seeded(options.seed ?? 1)
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
  for (const action of definition.actions) {
    if (options.share !== undefined && random() > options.share) continue
    const operation = operationOf(action, operations)
    if (operation === undefined) {
      result.problems.push({
        action: action.slug,
        operation: `${action.method} ${action.path}`,
        where: 'path',
        message: 'no operation of the description has this method and path',
        request: '',
      })
      continue
    }
    const requests = requestsOf(definition, action, random)
    if (requests.length === 0) result.unsampled.push(action.slug)
    else result.checked += 1
    result.requests += requests.length
    for (const request of requests)
      result.problems.push(...problemsOf(definition, action, operation, request))
  }
  return result
}

/** Different requests from the action's own schema; those that our own check of the input refuses never leave. */
export function requestsOf(
  definition: ConnectorDefinition,
  action: ActionDefinition,
  chance: () => number,
): BuiltRequest[] {
  const variants: SampleChoice[] = [
    ...VARIANTS,
    ...Array.from({ length: RANDOM_VARIANTS }, (): SampleChoice => ({ chance, optional: 'chance' })),
  ]
  const seen = new Set<string>()
  return variants.flatMap((variant) => {
    const input = sampleInput(definition.schemas, action.inputSchema, variant)
    const text = JSON.stringify(input)
    if (seen.has(text)) return []
    seen.add(text)
    const request = build(definition, action, input)
    return request === undefined ? [] : [request]
  })
}

/** Whatever file an input refers to is there. */
const EVERY_FILE = {
  get: (): LoadedFile => ({ name: 'a "b".txt', contentType: 'text/plain', bytes: Buffer.from('content') }),
} as unknown as ReadonlyMap<string, LoadedFile>

function build(
  definition: ConnectorDefinition,
  action: ActionDefinition,
  input: JsonObject,
): BuiltRequest | undefined {
  try {
    validateInput(definition.schemas, action, input)
    return buildRequest(definition, action, input, EVERY_FILE)
  } catch {
    return undefined // refused before it is sent: the sample does not fit, and that is what is said of it
  }
}

function operationOf(action: ActionDefinition, operations: PrismOperation[]): PrismOperation | undefined {
  const [, path, method] = /^#?\/paths\/(.+)\/(\w+)$/.exec(action.source?.pointer ?? '') ?? []
  const wanted = path === undefined ? action.path : path.replaceAll('~1', '/').replaceAll('~0', '~')
  const name = (method ?? action.method).toLowerCase()
  return operations.find((operation) => operation.method === name && operation.path === wanted)
}

export function problemsOf(
  definition: ConnectorDefinition,
  action: ActionDefinition,
  operation: PrismOperation,
  request: BuiltRequest,
): WireProblem[] {
  const url = new URL(request.url)
  const told = (where: string, message: string): WireProblem => ({
    action: action.slug,
    operation: `${action.method} ${operation.path}`,
    where,
    message,
    request: `${request.method} ${request.url}\n${shown(request)}`.slice(0, 100_000),
  })
  const path = pathBelow(definition, action, url)
  if (path === undefined || !templateOf(operation.path).test(path))
    return [told('path', `'${url.pathname}' is not below the server, or not of this template`)]
  const fixed = new URLSearchParams(/\?[^#]*/.exec(operation.path)?.[0])
  const missing = [...fixed].filter(([name, value]) => !url.searchParams.getAll(name).includes(value))
  if (missing.length > 0) return [told('query', `'${missing.join()}', which the template has, is not sent`)]
  const { method, headers, body } = request
  const problems = verdictOf(() => judge(operation, { method, path, query: queryOf(url), headers, body }))
  return problems.map(({ path: steps = [], message, overlaps }) => ({
    ...told(steps.join('.'), message),
    ...(overlaps === undefined ? {} : { overlaps }),
  }))
}

/** Some requests break Prism itself; that is told as a problem like any other. */
function verdictOf(work: () => PrismProblem[]): PrismProblem[] {
  try {
    return work()
  } catch (error) {
    return [{ message: (error as Error).message, path: ['(prism broke)'], severity: 0 }]
  }
}

function pathBelow({ baseUrl }: ConnectorDefinition, action: ActionDefinition, url: URL): string | undefined {
  const base =
    URL.parse((action.baseUrl ?? baseUrl).replace(/\{[^{}]*\}/g, 'x'))?.pathname.replace(/\/+$/, '') ?? ''
  const variable = /\{/.test(new URL((action.baseUrl ?? baseUrl).replace(/\{[^{}]*\}/g, 'x')).pathname)
  if (variable || url.hostname === UNKNOWN_HOST) return url.pathname
  return url.pathname.startsWith(base) ? url.pathname.slice(base.length) : undefined
}

const templateOf = (template: string): RegExp =>
  // What follows a # tells operations of one path apart in the document, and is never sent.
  new RegExp(
    `^${template
      .replace(/[#?].*$/, '')
      .split(/(\{[^{}]+\})/)
      .map((part) => (part.startsWith('{') ? '[^?#]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
      .join('')}$`,
  )

function queryOf(url: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  for (const [name, value] of url.searchParams) {
    const before = query[name]
    query[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return query
}

const shown = ({ headers, body }: BuiltRequest) =>
  `${JSON.stringify(headers)}\n${body === undefined ? '' : Buffer.from(body).toString('latin1')}`

/** A series of numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
