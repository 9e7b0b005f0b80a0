import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Tap {
  /** Base URL to use in place of the upstream's. */
  url: string
  /** Bodies that went to the model since this was called last, also of requests it refused. */
  seen(): string[]
  close(): Promise<void>
}

/** Passes everything on to a model API and keeps what it is sent, word for word: what a secret must not be in. */
export async function startTap(upstream: string): Promise<Tap> {
  const base = upstream.replace(/\/+$/, '')
  let bodies: string[] = []
  const server = createServer((request, response) => {
    pass(base, request, response, (body) => bodies.push(body)).catch((error: Error) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end(JSON.stringify({ error: { message: error.message } }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen() {
      const taken = bodies
      bodies = []
      return taken
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

async function pass(
  base: string,
  request: IncomingMessage,
  response: ServerResponse,
  keep: (body: string) => void,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString('utf8')
  if (body !== '') keep(body)
  const { authorization } = request.headers
  const answer = await fetch(`${base}${request.url ?? ''}`, {
    method: request.method ?? 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === '' ? {} : { body }),
    // A redirect would take the key elsewhere.
    redirect: 'error',
  })
  const kept = ['content-type', 'retry-after'].flatMap((name) => {
    const value = answer.headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  response.writeHead(answer.status, Object.fromEntries(kept))
  for await (const chunk of answer.body ?? []) response.write(chunk)
  response.end()
}
