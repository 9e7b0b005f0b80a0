import type { ServerResponse } from 'node:http'

export interface RpcErrorReply {
  status: number
  /** JSON-RPC error code: -32700 parse, -32600 request, -32001 unknown session, -32000 the rest. */
  code: number
  message: string
  /** Request id to echo, when the request was readable. */
  id?: string | number | null
  data?: Record<string, unknown>
  headers?: Record<string, string>
}

/** Answer an HTTP exchange with a JSON-RPC error body. Does nothing once an answer has begun. */
export function sendRpcError(res: ServerResponse, reply: RpcErrorReply): void {
  if (res.headersSent || res.destroyed) return
  const body = JSON.stringify({
    jsonrpc: '2.0',
    error: {
      code: reply.code,
      message: reply.message,
      ...(reply.data === undefined ? {} : { data: reply.data }),
    },
    id: reply.id ?? null,
  })
  res.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...reply.headers,
  })
  res.end(body)
}

/** The id of a single JSON-RPC request, or null for anything an error cannot be tied to. */
export function requestIdOf(body: unknown): string | number | null {
  if (typeof body !== 'object' || body === null || !('id' in body) || !('method' in body)) return null
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null
}
