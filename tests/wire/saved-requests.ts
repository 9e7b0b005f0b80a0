import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'

const require = createRequire(import.meta.url)
// Postman's own libraries: what the Postman app sends requests with. They have no types.
const { Collection, Header, ProxyConfigList, Url, VariableScope } = require('postman-collection') as {
  Collection: new (collection: object) => object
  Header: { parse(text: string): JsonObject[] }
  ProxyConfigList: new (parent: object, proxies: object[]) => object
  Url: new (url: string | object) => { toString(): string; toJSON(): JsonObject }
  VariableScope: new (scope: object) => object
}
const { Runner } = require('postman-runtime') as {
  Runner: new () => {
    run(collection: object, options: object, ready: (error: Error | null, run: Run) => void): void
  }
}
interface Run {
  start(callbacks: {
    request(error: Error | null, cursor: object, response: unknown, request: unknown, item: Item): void
    done(error: Error | null): void
  }): void
}
interface Item {
  request: { headers: { get(name: string): string | undefined } }
}

/** A saved request as Postman sends it. */
export interface SavedRequest {
  /** Place of the item in the collection: `/item/0/item/3`. */
  pointer: string
  method: string
  url: string
  /** Names in lower case. */
  headers: Record<string, string>
  body: Buffer
}

const MARK = 'x-wire-pointer'
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Values for the variables that the collection itself gives none: an address or a body where it is one, else a text
 * of its own.
 */
export function collectionVariables(text: string): { key: string; value: string }[] {
  const names = new Set([...text.matchAll(/\{\{([^{}"\\]+)\}\}/g)].map(([, name = '']) => name.trim()))
  const bodies = new Set([...text.matchAll(/"raw": *"\{\{([^{}"\\]+)\}\}"/g)].map(([, name]) => name))
  const { variable } = JSON.parse(text) as { variable?: { key: string; value?: unknown }[] }
  const given = new Set(
    (variable ?? []).filter(({ value }) => !/^$|\{\{/.test(String(value))).map(({ key }) => key),
  )
  return [...names]
    .filter((name) => !given.has(name))
    .map((key) => ({ key, value: valueFor(key, bodies.has(key)) }))
}

function valueFor(variable: string, isBody: boolean): string {
  if (isBody) return '{"data":{"id":"1","list":[1,null]}}'
  return /url|host$/i.test(variable) ? 'https://api.example.com/v1' : `value-of-${variable}`
}

/**
 * Requests of a collection, as Postman's runtime sends them to a recording proxy on this machine. Its scripts are not
 * run. Requests that Postman itself cannot send are left out, with its reason in `failed`.
 * @param wanted places of the items that are sent
 */
export async function sendSavedRequests(
  text: string,
  wanted: ReadonlySet<string>,
): Promise<{ requests: SavedRequest[]; failed: Map<string, string> }> {
  const requests: SavedRequest[] = []
  const failed = new Map<string, string>()
  const proxy = createServer((incoming, answer) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { [MARK]: mark, ...headers } = incoming.headers
      requests.push({
        pointer: decodeURIComponent(String(mark)),
        method: incoming.method ?? '',
        url: withProtocol(incoming.url ?? '', decodeURIComponent(String(mark))),
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        body: Buffer.concat(chunks),
      })
      answer.setHeader('content-type', 'application/json').end('{}')
    })
  })
  const secure = new Set<string>()
  const withProtocol = (url: string, pointer: string) =>
    secure.has(pointer) ? url.replace(/^http:/, 'https:') : url
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  try {
    const marked = markItems(JSON.parse(text) as JsonObject, wanted, collectionVariables(text), secure)
    await run(marked, text, (proxy.address() as AddressInfo).port, (pointer, reason) =>
      failed.set(pointer, reason),
    )
  } finally {
    proxy.close()
  }
  return { requests, failed }
}

/**
 * The collection without its scripts, each request marked with its place, and sent in the clear, as a proxy can read
 * it; those that were meant for https are noted.
 */
function markItems(
  collection: JsonObject,
  wanted: ReadonlySet<string>,
  variables: { key: string; value: string }[],
  secure: Set<string>,
): JsonObject {
  const values = new Map(variables.map(({ key, value }) => [key, value]))
  const plain = (url: string, pointer: string): string => {
    const filled = url.replace(/^\{\{([^{}]+)\}\}/, (_all, name: string) => values.get(name.trim()) ?? '')
    if (/^https:/i.test(filled)) secure.add(pointer)
    return filled.replace(/^https:/i, 'http:')
  }
  const walk = (items: Json | undefined, at: string): Json[] =>
    (Array.isArray(items) ? items : []).flatMap((item, index): Json[] => {
      if (!isJsonObject(item)) return []
      const { event: _scripts, ...kept } = item
      const pointer = `${at}/item/${index}`
      if (Array.isArray(kept.item)) return [{ ...kept, item: walk(kept.item, pointer) }]
      if (!wanted.has(pointer)) return []
      const request = isJsonObject(kept.request) ? kept.request : { url: kept.request ?? '' }
      const { url } = request
      const raw = isJsonObject(url) ? String(url.raw ?? new Url(url).toString()) : String(url)
      const header = [
        ...(typeof request.header === 'string' ? Header.parse(request.header) : []),
        ...(Array.isArray(request.header) ? request.header : []),
        { key: MARK, value: encodeURIComponent(pointer) },
      ]
      // The address is read anew from its text, of which its parts are only another form; values are not.
      const { query, variable } = isJsonObject(url) ? url : {}
      const address = {
        ...new Url(plain(raw, pointer)).toJSON(),
        ...(query === undefined ? {} : { query }),
        ...(variable === undefined ? {} : { variable }),
      }
      return [{ ...kept, request: { ...request, header, url: address } }]
    })
  const { event: _scripts, ...kept } = collection
  return { ...kept, item: walk(collection.item, '') }
}

function run(
  collection: JsonObject,
  text: string,
  port: number,
  onFailure: (pointer: string, reason: string) => void,
): Promise<void> {
  const options = {
    environment: new VariableScope({ values: collectionVariables(text) }),
    proxies: new ProxyConfigList({}, [{ match: 'http://*:*/*', host: '127.0.0.1', port, tunnel: false }]),
    requester: { followRedirects: false },
    timeout: { request: REQUEST_TIMEOUT_MS },
  }
  return new Promise((resolve, reject) => {
    new Runner().run(new Collection(collection), options, (error, started) => {
      if (error !== null) return reject(error)
      started.start({
        request(problem, _cursor, _response, _request, item) {
          if (problem !== null)
            onFailure(decodeURIComponent(item.request.headers.get(MARK) ?? ''), problem.message)
        },
        done: (problem) => (problem === null ? resolve() : reject(problem)),
      })
    })
  })
}
