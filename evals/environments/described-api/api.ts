import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type PrismOperation, readOperations, type SentRequest } from '../../../tests/wire/prism.ts'
import {
  garbled,
  type PagingContract,
  pageOf,
  type SampleAnswer,
  sampleAnswer,
  withoutExamples,
} from './answers.ts'
import { refusedCredentials } from './credentials.ts'
import type { Excerpt } from './document.ts'
import { refusalOf } from './judge-request.ts'

/** What arrived, and what the API made of it. */
export interface Arrived {
  method: string
  path: string
  status: number
  /** `query.limit`, `header.x-tenant`, `body.name`: what of the description's was sent. */
  sent: string[]
}

export interface DescribedApi {
  /** What arrived since this was called last. */
  arrived(): Arrived[]
  /** The operation answers in pages from now on. */
  page(method: string, path: string, contract: PagingContract): void
  /** The next answer in order is of another form than described. */
  garbleNext(): void
}

export interface ApiServer {
  origin: string
  /** Serves one more API, at its base path. */
  serve(excerpt: Excerpt): Promise<DescribedApi>
  close(): Promise<void>
}

interface Route {
  template: RegExp
  literals: number
  operation: PrismOperation
  described: Record<string, unknown>
  answer: SampleAnswer
  paging?: PagingContract
}

interface Api extends DescribedApi {
  basePath: string
  respond(request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void
}

/** A server that is what API descriptions say: it refuses whatever they do not allow, and answers as they say. */
export async function startApiServer(): Promise<ApiServer> {
  const apis: Api[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', 'http://api.invalid')
    const api = apis.find(
      ({ basePath }) => url.pathname === basePath || url.pathname.startsWith(`${basePath}/`),
    )
    if (api === undefined) send(response, 404, { detail: 'There is nothing here.' })
    else api.respond(request, url, Buffer.concat(chunks), response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    async serve(excerpt) {
      // Prism resolves references inside what it is given.
      const api = buildApi(excerpt, await readOperations(structuredClone(excerpt.document)))
      apis.push(api)
      return api
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, { ...(text === '' ? {} : { 'content-type': 'application/json' }), ...headers })
  response.end(text)
}

function buildApi({ document, basePath }: Excerpt, operations: readonly PrismOperation[]): Api {
  const unexampled = withoutExamples(document)
  const routes = operations.map((operation) => routeOf(operation, document, unexampled))
  let arrived: Arrived[] = []
  let garble = false
  return {
    basePath,
    arrived() {
      const taken = arrived
      arrived = []
      return taken
    },
    page(method, path, contract) {
      const route = routes.find(
        ({ operation }) => operation.method === method.toLowerCase() && operation.path === path,
      )
      if (route !== undefined) route.paging = contract
    },
    garbleNext() {
      garble = true
    },
    respond(request, url, body, response) {
      const path = url.pathname.slice(basePath.length)
      const method = request.method ?? 'GET'
      const note = (status: number, sent: string[] = []) => arrived.push({ method, path, status, sent })
      const refuse = (status: number, detail: object, headers: Record<string, string> = {}) => {
        note(status)
        send(response, status, { status, ...detail }, headers)
      }
      const there = routes
        .filter(({ template }) => template.test(path))
        .toSorted((left, right) => right.literals - left.literals)
      const best = there.filter(({ literals }) => literals === there[0]?.literals)
      if (best.length === 0) return refuse(404, { detail: 'Route not resolved, no path matched.' })
      const route = best.find(({ operation }) => operation.method === method.toLowerCase())
      if (route === undefined) {
        const allow = best.map(({ operation }) => operation.method.toUpperCase()).join(', ')
        return refuse(405, { detail: 'Route resolved, but no such method.' }, { allow })
      }
      const refused = refusedCredentials(document, route.described, {
        headers: request.headers,
        query: url.searchParams,
      })
      if (refused !== undefined) return refuse(401, { detail: refused.message }, refused.headers)
      const sent = sentRequest(method, path, url, request, body)
      const refusal = refusalOf(route.operation, sent, credentialNames(document))
      if (refusal !== undefined) {
        const { status, ...detail } = refusal
        return refuse(status, detail)
      }
      note(route.answer.status, namesSent(sent))
      const isGarbled = garble
      garble = false
      return answer(response, route, sent, url, isGarbled)
    },
  }
}

function answer(
  response: ServerResponse,
  route: Route,
  sent: SentRequest,
  url: URL,
  isGarbled: boolean,
): void {
  const { status, body } = route.answer
  if (isGarbled) {
    send(response, status, garbled(body))
    return
  }
  const { paging } = route
  if (paging === undefined) {
    send(response, status, body)
    return
  }
  const page = pageOf(body, paging, askedPage(sent, paging), (cursor) => {
    const next = new URL(url)
    next.searchParams.set('__page', cursor)
    return `http://${sent.headers.host}${next.pathname}${next.search}`
  })
  const headers = page?.link === undefined ? {} : { link: page.link }
  send(response, status, page === undefined ? body : page.body, headers)
}

function askedPage(
  { query, body, headers }: SentRequest,
  { name, type }: PagingContract,
): string | undefined {
  const key = type === 'link' ? '__page' : (name ?? '')
  const inQuery = query[key]
  if (inQuery !== undefined) return String(inQuery)
  if (typeof body !== 'string' || !/json/.test(headers['content-type'] ?? '')) return undefined
  const value = (JSON.parse(body) as Record<string, unknown>)[key]
  return value === undefined || value === null ? undefined : String(value)
}

const credentialNames = (document: Record<string, unknown>): ReadonlySet<string> => {
  const { components, securityDefinitions } = document as {
    components?: { securitySchemes?: Record<string, { in?: string; name?: string }> }
    securityDefinitions?: Record<string, { in?: string; name?: string }>
  }
  const schemes = Object.values(components?.securitySchemes ?? securityDefinitions ?? {})
  return new Set([
    '__page',
    ...schemes.flatMap(({ in: place, name }) => (place === 'query' && name ? [name] : [])),
  ])
}

const pathsOf = (document: Record<string, unknown>) =>
  document.paths as Record<string, Record<string, Record<string, unknown>>>

function routeOf(
  operation: PrismOperation,
  document: Record<string, unknown>,
  unexampled: Record<string, unknown>,
): Route {
  const path = operation.path.replace(/[#?].*$/, '')
  const described = pathsOf(document)[operation.path]?.[operation.method] ?? {}
  return {
    operation,
    described,
    answer: sampleAnswer(unexampled, pathsOf(unexampled)[operation.path]?.[operation.method] ?? {}),
    literals: path.split('/').filter((segment) => !segment.includes('{')).length,
    template: new RegExp(
      `^${path
        .split(/(\{[^{}]+\})/)
        .map((part) => (part.startsWith('{') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
        .join('')}$`,
    ),
  }
}

function sentRequest(
  method: string,
  path: string,
  url: URL,
  request: IncomingMessage,
  body: Buffer,
): SentRequest {
  const query: SentRequest['query'] = {}
  for (const [name, value] of url.searchParams) {
    const before = query[name]
    query[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  return { method, path, query, headers, body: body.byteLength === 0 ? undefined : body.toString('utf8') }
}

const OWN_HEADERS = new Set([
  'host',
  'connection',
  'accept',
  'content-type',
  'content-length',
  'user-agent',
  'authorization',
  'accept-encoding',
  'transfer-encoding',
])

function namesSent({ query, headers, body }: SentRequest): string[] {
  const type = headers['content-type'] ?? ''
  const fields =
    body === undefined
      ? []
      : /json/.test(type)
        ? Object.keys(Object(JSON.parse(String(body))))
        : /urlencoded/.test(type)
          ? [...new URLSearchParams(String(body)).keys()]
          : ['(body)']
  return [
    ...Object.keys(query).map((name) => `query.${name.replace(/\[.*$/, '')}`),
    ...Object.keys(headers)
      .filter((name) => !OWN_HEADERS.has(name))
      .map((name) => `header.${name}`),
    ...fields.map((name) => `body.${name.replace(/\[.*$/, '')}`),
  ]
}
