import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server'
import { sendRpcError } from './rpc-error.ts'

/** Which `Host` and `Origin` headers a request may carry. Names without port or scheme; IPv6 in brackets. */
export interface OriginPolicy {
  /** Host names this server answers to; `'any'` turns the check off (behind a proxy that fixes Host). */
  allowedHosts?: readonly string[] | 'any'
  /** Host names of web pages that may call this server; `'any'` turns the check off. */
  allowedOrigins?: readonly string[] | 'any'
}

/** Answers 403 and returns false when the request may not proceed. */
export type OriginGuard = (req: IncomingMessage, res: ServerResponse) => boolean

/**
 * Guard against DNS rebinding (MCP 2025-11-25 and 2026-07-28, Streamable HTTP, security): a page on a
 * hostile site whose name resolves to this machine carries that site's name in `Host` and `Origin`.
 * Only localhost passes unless the policy says otherwise. A request without `Origin` passes: programs
 * do not send one, and browsers always do across sites.
 */
export function buildOriginGuard(policy: OriginPolicy = {}): OriginGuard {
  const hosts = policy.allowedHosts ?? localhostAllowedHostnames()
  const origins = policy.allowedOrigins ?? localhostAllowedOrigins()
  const hostNames = hosts === 'any' ? undefined : [...hosts]
  const originNames = origins === 'any' ? undefined : [...origins]
  return (req, res) => {
    const host = hostNames === undefined ? undefined : validateHostHeader(req.headers.host, hostNames)
    if (host?.ok === false) {
      sendRpcError(res, { status: 403, code: -32000, message: host.message })
      return false
    }
    const origin =
      originNames === undefined ? undefined : validateOriginHeader(req.headers.origin, originNames)
    if (origin?.ok === false) {
      sendRpcError(res, { status: 403, code: -32000, message: origin.message })
      return false
    }
    return true
  }
}
