import type express from 'express'
import type { Config } from '../../core/config.ts'
import { toAppError } from '../../core/errors.ts'
import type { Database } from '../../db/database.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'
import { actorOf, toAuthInfo } from '../mcp/factory.ts'
import { openGateway, parseGateway } from '../mcp/gateway/session.ts'
import { parseSelection } from '../mcp/toolsets.ts'
import type { McpEndpoint } from '../mcp/transport/http.ts'
import { buildOriginGuard } from '../mcp/transport/origin.ts'
import { authenticateRequest, challenge } from './authentication.ts'
import { localsOf } from './call.ts'
import { allowedHostNames } from './hosts.ts'
import { sendProblem } from './problem.ts'

/** MCP over Streamable HTTP at `/mcp`: checks Host, Origin and key, then hands the exchange to the endpoint. */
export function mountMcp(
  app: express.Express,
  deps: { endpoint: McpEndpoint; apiKeys: ApiKeys; db: Database; config: Config },
): void {
  const names = allowedHostNames(deps.config)
  const guard = buildOriginGuard({
    allowedHosts: 'any',
    ...(names === 'any' ? {} : { allowedOrigins: names }),
  })
  app.all('/mcp', async (req, res) => {
    if (!guard(req, res)) return
    try {
      const selected = req.query.toolsets
      parseSelection(typeof selected === 'string' ? selected : null)
      const actor = await authenticateRequest(req, deps.apiKeys, 'mcp')
      localsOf(res).actor = actor
      const asked = parseGateway(new URL(req.url, 'http://localhost').searchParams, actor)
      const gateway = asked === null ? null : await openGateway(deps.db, actor, asked)
      const token = req.get('authorization') ?? req.get('x-fastn-api-key') ?? ''
      await deps.endpoint.handle(req, res, toAuthInfo(actor, token, gateway))
    } catch (cause) {
      const error = toAppError(cause)
      if (error.code === 'unauthenticated') res.set('WWW-Authenticate', challenge(req, deps.config, '/mcp'))
      sendProblem(res, error, localsOf(res).requestId)
    }
  })
}

/** Tells an organization's MCP clients that their lists have changed. */
export function announceChanges(
  endpoint: McpEndpoint,
  scope: { organizationId: string },
  what: 'tools' | 'resources',
): void {
  const ours = (authInfo: Parameters<typeof actorOf>[0]) =>
    actorOf(authInfo)?.organizationId === scope.organizationId
  if (what === 'tools') endpoint.toolsChanged(ours)
  else endpoint.resourcesChanged(ours)
}
