import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FaultyProxy {
  url: string
  /** Answers requests whose `METHOD path` matches with 503 until the returned function is called. */
  breakDown(pattern: RegExp): () => void
  close(): Promise<void>
}

/** Stands between Patchbay and the app, so that the demo can have the app fail on command. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  let broken: RegExp | undefined
  const server = createServer((incoming, answer) => {
    if (broken?.test(`${incoming.method} ${incoming.url}`)) {
      answer
        .writeHead(503, { 'content-type': 'application/json' })
        .end('{"message":"Service temporarily unavailable"}')
      return
    }
    const outgoing = request(
      new URL(incoming.url ?? '/', target),
      { method: incoming.method, headers: { ...incoming.headers, host: new URL(target).host } },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(answer)
      },
    )
    outgoing.once('error', (error) => answer.writeHead(502).end(error.message))
    incoming.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakDown: (pattern) => {
      broken = pattern
      return () => {
        broken = undefined
      }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
