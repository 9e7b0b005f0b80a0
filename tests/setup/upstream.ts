import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Answer {
  status: number
  body: unknown
  headers?: Record<string, string>
}

export interface Upstream {
  url: string
  /** Every request it got, in order. */
  received: Received[]
  /** How it answers from now on; null leaves requests hanging. */
  answer: (request: Received) => Answer | null | Promise<Answer | null>
  /** Cuts every connection: requests that hang fail. */
  drop(): void
  close(): Promise<void>
}

/** A third-party app on this machine that remembers what it was asked. */
export async function startUpstream(): Promise<Upstream> {
  const upstream: Upstream = {
    url: '',
    received: [],
    answer: () => ({ status: 200, body: { ok: true } }),
    drop: () => server.closeAllConnections(),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    const request = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body }
    upstream.received.push(request)
    const answer = await upstream.answer(request)
    if (answer === null) return
    res
      .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      .end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return upstream
}
