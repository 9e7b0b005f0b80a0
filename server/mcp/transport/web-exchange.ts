import type { IncomingMessage, ServerResponse } from 'node:http'

/** An Express request keeps the full URL here while a router is mounted below it. */
type MaybeMounted = IncomingMessage & { originalUrl?: string }

/**
 * The web-standard view of a Node request that the MCP SDK and server factories take: method, URL,
 * headers and an abort signal that fires when the client goes away. The body is not part of it; it was
 * parsed already and travels beside it.
 */
export function toWebRequest(req: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers()
  const raw = req.rawHeaders
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.append(raw[index] ?? '', raw[index + 1] ?? '')
  }
  const path = (req as MaybeMounted).originalUrl ?? req.url ?? '/'
  return new Request(`http://${req.headers.host ?? 'localhost'}${path}`, {
    method: req.method ?? 'GET',
    headers,
    signal,
  })
}

/** Aborts when the client closes the connection before the answer was complete. */
export function abortWhenGone(res: ServerResponse): AbortController {
  const controller = new AbortController()
  if (res.destroyed) controller.abort()
  else {
    res.once('close', () => {
      if (!res.writableFinished) controller.abort()
    })
  }
  return controller
}

/** Writes a web response to a Node one: JSON at once, an event stream piece by piece with backpressure. */
export async function sendWebResponse(res: ServerResponse, response: Response): Promise<void> {
  const headers = Object.fromEntries(response.headers)
  if (response.body === null) {
    res.writeHead(response.status, headers).end()
    return
  }
  if (!(headers['content-type'] ?? '').startsWith('text/event-stream')) {
    const body = await response.text()
    if (res.destroyed) return
    headers['content-length'] = String(Buffer.byteLength(body))
    res.writeHead(response.status, headers).end(body)
    return
  }
  // Headers, priming event, result and end of a quick answer come in one turn of the event loop: let them
  // leave in one packet. A stream with nothing to say yet still sends its headers when the turn ends.
  // The socket, not the response: `end()` on a corked response sends its terminator before its chunks.
  const { socket } = res
  socket?.cork()
  setImmediate(() => socket?.uncork())
  res.writeHead(response.status, headers)
  res.flushHeaders()
  await pipeStream(res, response.body)
}

async function pipeStream(res: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  const stop = () => {
    // The stream's own cancel handler reports nothing: the client is gone and no one is left to tell.
    reader.cancel().catch(() => undefined)
  }
  if (res.destroyed) return stop()
  res.once('close', stop)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!res.write(value)) await drained(res)
    }
  } finally {
    res.off('close', stop)
    res.end()
  }
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      res.off('drain', settle)
      res.off('close', settle)
      resolve()
    }
    res.once('drain', settle)
    res.once('close', settle)
  })
}
