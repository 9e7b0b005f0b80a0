import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import type { Config } from '../../core/config.ts'
import { AppError, notFound } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'
import type { Invoker } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import { mountAgentStream } from './agent-stream.ts'
import {
  authenticateRequest,
  baseUrl,
  challenge,
  PROTECTED_RESOURCE_PATH,
  protectedResource,
} from './authentication.ts'
import { callHandler, localsOf, setRateHeaders } from './call.ts'
import { mountFiles } from './files.ts'
import { checkHost } from './hosts.ts'
import { readBody, readInput } from './input.ts'
import { observeRequest, securityHeaders } from './observe.ts'
import { buildOpenApi } from './openapi.ts'
import { frontPage } from './pages.ts'
import { fromHttpLayer, methodNotAllowed, sendProblem, unknownRoute } from './problem.ts'
import { API_PREFIX, toolRoutes } from './routes.ts'
import { toolSchema } from './tool-schema.ts'

export interface Readiness {
  ok: boolean
  /** What was asked → 'ok' or what is wrong. */
  checks: Record<string, string>
}

export interface HttpAppDeps {
  registry: Registry
  invoker: Invoker
  apiKeys: ApiKeys
  db: Database
  config: Config
  log: Logger
  ready(): Promise<Readiness>
  /** Mounts what reads its bodies itself (MCP, webhook ingress), ahead of the API. */
  extend?(app: express.Express): void
}

/** The HTTP door: every tool as a route, and what clients and operators need around them. */
export function buildHttpApp(deps: HttpAppDeps): express.Express {
  const { registry, invoker, config } = deps
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag') // answers are never cached, so a hash of each would be wasted work
  app.set('trust proxy', config.trustedProxies.length === 0 ? false : [...config.trustedProxies])

  app.use(observeRequest(deps.log), securityHeaders)
  // Ahead of the host check: probes of an orchestrator come by address.
  mountHealth(app, deps)
  app.use(checkHost(config))
  deps.extend?.(app)

  app.get('/', frontPage(config))
  for (const resource of ['', '/mcp'] as const) {
    app.get(`${PROTECTED_RESOURCE_PATH}${resource}`, (req, res) => {
      res.json(protectedResource(baseUrl(req, config), resource))
    })
  }
  let openApi: Record<string, unknown> | undefined
  app.get(`${API_PREFIX}/openapi.json`, (_req, res) => {
    openApi ??= buildOpenApi(registry, `${config.publicUrl ?? ''}${API_PREFIX}`)
    res.json(openApi)
  })
  mountFiles(app, invoker, deps.apiKeys)
  mountAgentStream(app, invoker, deps.apiKeys)
  mountTools(app, registry, invoker, deps.apiKeys)

  app.use((req) => {
    throw unknownRoute(req)
  })
  app.use(answerError(deps))
  return app
}

function mountHealth(app: express.Express, deps: HttpAppDeps): void {
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' })
  })
  app.get('/readyz', async (_req, res) => {
    const { ok, checks } = await deps.ready()
    res.status(ok ? 200 : 503).json({ status: ok ? 'ready' : 'not ready', checks })
  })
}

function mountTools(app: express.Express, registry: Registry, invoker: Invoker, apiKeys: ApiKeys): void {
  const authenticate: RequestHandler = async (req, res, next) => {
    localsOf(res).actor = await authenticateRequest(req, apiKeys, 'http')
    next()
  }
  const routes = toolRoutes(registry.all)
  for (const route of routes) {
    const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete'
    const handler = callHandler(invoker, async (req) => ({
      tool: route.tool,
      input: await readInput(req, route, toolSchema(route.tool, 'input')),
    }))
    app[method](`${API_PREFIX}${route.path}`, authenticate, handler)
  }

  const byName = callHandler(invoker, async (req) => {
    const name = String(req.params.name)
    const tool = registry.get(name)
    if (tool === undefined)
      throw notFound('tool', name, 'search_tools finds tools; GET /api/v1/openapi.json lists all.')
    return { tool, input: await readBody(req) }
  })
  app.post(`${API_PREFIX}/tools/:name`, authenticate, byName)

  const methods = new Map<string, string[]>([['/tools/:name', ['POST']]])
  for (const { path, method } of routes) methods.set(path, [...(methods.get(path) ?? []), method])
  for (const [path, allowed] of methods) {
    app.all(`${API_PREFIX}${path}`, (req, res) => {
      res.set('Allow', allowed.join(', '))
      throw methodNotAllowed(req, allowed)
    })
  }
}

function answerError(deps: HttpAppDeps): ErrorRequestHandler {
  return async (cause, req, res, next) => {
    if (res.headersSent) {
      next(cause)
      return
    }
    const { actor, requestId, log } = localsOf(res)
    let error = fromHttpLayer(cause)
    // Requests refused before their tool was called count against the key too.
    if (actor !== undefined && res.get('X-RateLimit-Limit') === undefined) {
      try {
        setRateHeaders(res, await deps.invoker.limits.consume(actor))
      } catch (limit) {
        error = fromHttpLayer(limit)
        setRateHeaders(res, error.data ?? {})
      }
    }
    if (error.code === 'internal' && !(cause instanceof AppError))
      log.error({ err: cause }, 'request failed unexpectedly')
    if (error.code === 'unauthenticated') res.set('WWW-Authenticate', challenge(req, deps.config, ''))
    sendProblem(res, error, requestId)
  }
}
