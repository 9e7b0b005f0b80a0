import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AppError } from '../../core/errors.ts'
import { Secret } from '../../core/secret.ts'
import { buildHttpClient } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import { type ActionResult, type CallOptions, callAction } from './call.ts'

/** A third-party app for tests of calls: it answers as the test says. */

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void
type Overrides = Partial<Omit<CallOptions, 'connector'>> & { connector?: Partial<CallOptions['connector']> }

export const SECRET = 'tok_secret_value'

export const read: ActionDefinition = {
  slug: 'get_thing',
  name: 'Get',
  description: 'Get.',
  method: 'GET',
  path: '/thing',
  effect: 'read',
  idempotent: true,
  parameters: [],
  inputSchema: { type: 'object' },
  tags: [],
}
export const write: ActionDefinition = {
  ...read,
  slug: 'make_thing',
  method: 'POST',
  effect: 'write',
  idempotent: false,
  body: { contentType: 'application/json', mode: 'merge', required: true },
}

export interface App {
  handler: Handler
  /** What it was asked, in order. */
  requests: IncomingMessage[]
  /** Calls `read`, or what the overrides say. */
  call(overrides?: Overrides): Promise<ActionResult>
  close(): Promise<void>
}

export async function startApp(): Promise<App> {
  const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    app.requests.push(request)
    app.handler(request, response, Buffer.concat(chunks))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app: App = {
    handler: answer(200, { ok: true }),
    requests: [],
    call: ({ connector, ...overrides } = {}) =>
      callAction({
        http,
        connector: { slug: 'app', baseUrl, schemas: {}, ...connector },
        action: read,
        authMethod: { slug: 'bearer', type: 'bearer_token', name: 'Token' },
        credentials: new Secret({ token: SECRET }),
        input: {},
        ...overrides,
      }),
    close: async () => {
      await http.close()
      server.closeAllConnections()
      server.close()
    },
  }
  return app
}

export const failure = (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => Promise.reject(new Error('the call was expected to fail')),
    (error: AppError) => error,
  )

export const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body))
  }

/** Answers the first requests by these handlers, the others with 200. */
export const inTurn = (...handlers: Handler[]): Handler => {
  let count = 0
  return (...args) => {
    const turn = handlers[count] ?? answer(200, { ok: true })
    count += 1
    turn(...args)
  }
}

export const broken: Handler = (request) => request.socket.destroy()
