import type { IncomingMessage } from 'node:http'
import { isJsonContentType } from '@modelcontextprotocol/server'
import type { RpcErrorReply } from './rpc-error.ts'

export type BodyReading = { ok: true; body: unknown } | { ok: false; reply: RpcErrorReply }

/**
 * The JSON body of a POST, read and parsed once. A body over `maxBytes` is refused from its
 * `Content-Length` before it is read, or at the first chunk over the limit when it has none. What the
 * client still sends is discarded by Node, unbuffered, so that the client lives to read the refusal.
 */
export async function readJsonBody(req: IncomingMessage, maxBytes: number): Promise<BodyReading> {
  const refusal = refuseMediaType(req)
  if (refusal !== undefined) return { ok: false, reply: refusal }
  if (Number(req.headers['content-length']) > maxBytes) return { ok: false, reply: tooLarge(maxBytes) }
  const text = await readText(req, maxBytes)
  if (text === undefined) return { ok: false, reply: tooLarge(maxBytes) }
  try {
    return { ok: true, body: JSON.parse(text) }
  } catch {
    return {
      ok: false,
      reply: { status: 400, code: -32700, message: 'Parse error: the request body is not valid JSON' },
    }
  }
}

/** The body as text; undefined when it is longer than `maxBytes`; rejects when the client goes away. */
function readText(req: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0
    const onData = (chunk: Buffer) => {
      received += chunk.byteLength
      if (received > maxBytes) {
        req.off('data', onData)
        req.resume()
        resolve(undefined)
      } else chunks.push(chunk)
    }
    req.on('data', onData)
    req.once('end', () => {
      const only = chunks.length === 1 ? chunks[0] : undefined
      resolve((only ?? Buffer.concat(chunks)).toString('utf8'))
    })
    req.once('error', reject)
  })
}

/** Undefined when the request announces plain JSON; otherwise the 415 to answer. */
export function refuseMediaType(req: IncomingMessage): RpcErrorReply | undefined {
  if (!isJsonContentType(req.headers['content-type'])) {
    return {
      status: 415,
      code: -32000,
      message: 'Unsupported Media Type: send the message with Content-Type: application/json',
    }
  }
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return {
      status: 415,
      code: -32000,
      message: `Unsupported Media Type: Content-Encoding '${encoding}' is not accepted, send the body uncompressed`,
    }
  }
  return undefined
}

function tooLarge(maxBytes: number): RpcErrorReply {
  return {
    status: 413,
    code: -32000,
    message: `Payload Too Large: a message may have at most ${maxBytes} bytes`,
  }
}
