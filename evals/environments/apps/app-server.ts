import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { AppDefinition, Resource, Row } from './definition.ts'
import { bodySchema, describe } from './description.ts'

/** Something that goes wrong, as it does in the world. */
export interface Fault {
  method: 'GET' | 'POST' | 'PATCH'
  resource: string
  /** So many requests; all further ones when left out. */
  times?: number
  /** After so many that went well. */
  after?: number
  /** What is answered; `lost`: it was done, and its answer never arrives; `late`: it was done, and is told a moment later. */
  answer: 429 | 500 | 503 | 'lost' | 'late'
}

/** What one account of an app holds. */
export interface Account {
  /** Everything of a kind, as it is now: copies. */
  rows(resource: string): Row[]
  put(resource: string, ...rows: Row[]): void
}

export interface App {
  name: string
  /** Where it answers; its description is at `/openapi.json` there. */
  url: string
  /** The account that a token opens; it is made when first asked for. Other tokens are refused. */
  account(token: string): Account
  fail(fault: Fault): void
  /** Every account as at the start, nothing wrong. */
  reset(): void
}

export interface AppServer {
  apps: Record<string, App>
  close(): Promise<void>
}

interface Request {
  method: string
  resource: string
  id: string | undefined
  query: URLSearchParams
  body: string
  token: string | undefined
}
interface Answer {
  status: number
  body: unknown
  late?: true
}
interface ServedApp extends App {
  answer(request: Request): Answer | 'lost'
  document: object
}

/** Apps that keep what they are given and refuse what they do not know; each at `/{name}` of one server. */
export async function startApps(definitions: readonly AppDefinition[]): Promise<AppServer> {
  const served = new Map<string, ServedApp>()
  const server = createServer((request, response) => {
    respond(served, request, response).catch((error: Error) => send(response, 500, { error: error.message }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const definition of definitions) served.set(definition.name, buildApp(definition, origin))
  return {
    apps: Object.fromEntries(served),
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

async function respond(
  served: ReadonlyMap<string, ServedApp>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://apps.invalid')
  const [name = '', resource = '', id, more] = url.pathname.slice(1).split('/').map(decodeURIComponent)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const app = served.get(name)
  if (app === undefined || more !== undefined) return send(response, 404, { error: 'There is nothing here.' })
  if (resource === 'openapi.json') return send(response, 200, app.document)
  const answer = app.answer({
    method: request.method ?? 'GET',
    ...{ resource, id, query: url.searchParams, body: Buffer.concat(chunks).toString('utf8') },
    token: /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1],
  })
  if (answer === 'lost') return void response.destroy()
  if (answer.late === true) await sleep(LATE_MS)
  send(response, answer.status, answer.body)
}

/** Long enough for others to come in between. */
const LATE_MS = 250

const send = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

function buildApp(definition: AppDefinition, origin: string): ServedApp {
  const url = `${origin}/${definition.name}`
  const kinds = new Map(definition.resources.map((resource) => [resource.name, kindOf(resource)]))
  const accounts = new Map<string, Map<string, Row[]>>()
  const faults: (Fault & { left: number; passing: number })[] = []

  function accountOf(token: string): Map<string, Row[]> {
    const account = accounts.get(token) ?? new Map<string, Row[]>()
    if (accounts.has(token)) return account
    accounts.set(token, account)
    for (const { name, seed = [] } of definition.resources) for (const row of seed) keep(account, name, row)
    return account
  }

  const faultOf = ({ method, resource }: Request): Fault['answer'] | undefined => {
    const fault = faults.find((one) => one.method === method && one.resource === resource && one.left > 0)
    if (fault === undefined) return undefined
    if (fault.passing > 0) {
      fault.passing -= 1
      return undefined
    }
    fault.left -= 1
    return fault.answer
  }

  return {
    name: definition.name,
    url,
    document: describe(definition, url),
    account(token) {
      accountOf(token)
      const rows = (resource: string) => structuredClone(accountOf(token).get(resource) ?? [])
      return {
        rows,
        put(name, ...given) {
          for (const row of given) keep(accountOf(token), name, row)
        },
      }
    },
    fail: (fault) =>
      void faults.push({ ...fault, left: fault.times ?? Number.MAX_SAFE_INTEGER, passing: fault.after ?? 0 }),
    reset() {
      const tokens = [...accounts.keys()]
      accounts.clear()
      faults.length = 0
      tokens.forEach(accountOf)
    },
    answer(request) {
      const account = request.token === undefined ? undefined : accounts.get(request.token)
      if (account === undefined) return { status: 401, body: { error: 'Who are you?' } }
      const kind = kinds.get(request.resource)
      if (kind === undefined) return { status: 404, body: { error: `There are no ${request.resource}.` } }
      const fault = faultOf(request)
      if (typeof fault === 'number') return { status: fault, body: { error: 'Try again later.' } }
      const answer = handle(kind, account, request)
      return fault === 'lost' ? 'lost' : fault === 'late' ? { ...answer, late: true } : answer
    },
  }
}

/** Its id follows from how many there are, so that the same course gives the same. */
function keep(account: Map<string, Row[]>, resource: string, given: Row): Row {
  const rows = account.get(resource) ?? []
  account.set(resource, rows)
  const row = { id: `${resource.slice(0, 3)}_${rows.length + 1}`, ...structuredClone(given) }
  rows.push(row)
  return row
}

interface Kind {
  resource: Resource
  create: ValidateFunction
  update: ValidateFunction
}

function kindOf(resource: Resource): Kind {
  const ajv = new Ajv2020({ strict: false })
  return {
    resource,
    create: ajv.compile(bodySchema(resource, 'create')),
    update: ajv.compile(bodySchema(resource, 'update')),
  }
}

function handle({ resource, create, update }: Kind, account: Map<string, Row[]>, request: Request): Answer {
  const { name, can, defaults } = resource
  const { method, id } = request
  const verb = { GET: id === undefined ? 'list' : 'get', POST: 'create', PATCH: 'update' }[method]
  if (verb === undefined || !can.includes(verb as 'get') || (verb === 'create') !== (method === 'POST'))
    return { status: 405, body: { error: `${method} is not for ${name}.` } }
  if (verb === 'list') return list(resource, account.get(name) ?? [], request.query)
  const row = (account.get(name) ?? []).find((one) => one.id === id)
  if (verb !== 'create' && row === undefined) return { status: 404, body: { error: `There is no ${id}.` } }
  if (verb === 'get') return { status: 200, body: row }
  const given = parsed(request.body)
  const check = verb === 'create' ? create : update
  if (!check(given)) return refusal(check.errors?.map((one) => `${one.instancePath} ${one.message}`).join())
  const why = resource.refuse?.({ ...row, ...given }, (other) => account.get(other) ?? [])
  if (why !== undefined) return refusal(why)
  if (row === undefined) return { status: 201, body: keep(account, name, { ...defaults, ...given }) }
  return { status: 200, body: Object.assign(row, given) }
}

const refusal = (why = 'It is not right.'): Answer => ({ status: 422, body: { error: why.trim() } })

function parsed(body: string): Row {
  try {
    return JSON.parse(body) as Row
  } catch {
    return { 'not JSON': body }
  }
}

function list(
  { name, filters = [], pageSize }: Resource,
  rows: readonly Row[],
  query: URLSearchParams,
): Answer {
  const known = [...filters, ...(pageSize === undefined ? [] : ['cursor'])]
  const unknown = [...query.keys()].find((key) => !known.includes(key))
  if (unknown !== undefined) return refusal(`A list of ${name} takes no ${unknown}.`)
  const found = rows.filter((row) =>
    filters.every((key) => !query.has(key) || String(row[key]) === query.get(key)),
  )
  if (pageSize === undefined) return { status: 200, body: { [name]: found } }
  const cursor = query.get('cursor') ?? 'from_0'
  const from = Number(/^from_(\d+)$/.exec(cursor)?.[1] ?? Number.NaN)
  if (Number.isNaN(from)) return refusal(`${cursor} is no cursor.`)
  const next = from + pageSize
  return {
    status: 200,
    body: {
      [name]: found.slice(from, next),
      next_cursor: next < found.length ? `from_${next}` : null,
    },
  }
}
