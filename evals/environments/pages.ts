import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Pages {
  origin: string
  /** What is found at a path from now on. */
  put(path: string, page: { type: string; body: string }): void
  /** Everything that was asked for since this was called last: `GET /x?y`, with its body. */
  asked(): string[]
  close(): Promise<void>
}

/** A web site with what is put there: documentation to read, and addresses nobody has any business with. */
export async function startPages(): Promise<Pages> {
  const pages = new Map<string, { type: string; body: string }>()
  let asked: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = JSON.stringify(request.headers)
    asked.push(`${request.method} ${request.url} ${headers} ${Buffer.concat(chunks).toString('utf8')}`)
    const page = pages.get(new URL(request.url ?? '/', 'http://pages.invalid').pathname)
    if (page === undefined) response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing here.')
    else response.writeHead(200, { 'content-type': page.type }).end(page.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put: (path, page) => void pages.set(path, page),
    asked() {
      const taken = asked
      asked = []
      return taken
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
