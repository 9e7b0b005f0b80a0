import type express from 'express'
import type { Request, RequestHandler, Response } from 'express'
import { z } from 'zod'
import { AppError, invalidInput } from '../../core/errors.ts'
import type { ConnectLinkRow } from '../../db/connect-links.ts'
import { needsConsent } from '../../runtime/connect-links/connectable.ts'
import { readJsonObject } from '../http/body.ts'
import { beginConsent, type ConnectDeps, cancelLink, connectWith, requirePending } from './connecting.ts'
import { authorizing, fieldsOf, type LinkView, requireChoice, scopesOf, stateOf, viewOf } from './view.ts'

const Choice = z.strictObject({ connector: z.string().optional(), authMethod: z.string().optional() })
const WithCredentials = Choice.extend({ credentials: z.record(z.string(), z.string()).default({}) })
const WithFields = Choice.extend({ fields: z.record(z.string(), z.string()).default({}) })

/**
 * The connect page for products that draw their own: `/connect/api`, with a link's token as the bearer. The token is all
 * the authority there is, so any origin may call; what changes something takes a link made for it, because a page of
 * ours would show the person who asks, and keep consent in their browser.
 */
export function mountHeadless(app: express.Express, deps: ConnectDeps): void {
  const { services, db } = deps.invoker

  const linkOf = async (req: Request): Promise<ConnectLinkRow> => {
    const token = /^Bearer +(\S+) *$/i.exec(req.get('authorization') ?? '')?.[1] ?? ''
    const link = await services.connectLinks.find(token)
    if (link !== undefined) return link
    throw new AppError('unauthenticated', 'The request carries no connect link’s token.', {
      where: 'header Authorization',
      hint: 'Send `Authorization: Bearer <token>`: the `token` in the URL that create_connect_link gave.',
    })
  }
  const headless = async (req: Request): Promise<LinkView> => {
    const link = await linkOf(req)
    if (link.headless) {
      requirePending(link)
      return viewOf(db, link)
    }
    throw new AppError('forbidden', 'This link is for the hosted page.', {
      where: 'link',
      hint: 'Make one for your own page: create_connect_link {"headless":true}.',
    })
  }

  app.options('/connect/api/:what', (_req, res) => {
    allowOrigins(res)
    res.set({
      'Access-Control-Allow-Headers': 'authorization, content-type',
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Max-Age': '86400',
    })
    res.status(204).end()
  })
  app.use('/connect/api', (_req, res, next) => {
    allowOrigins(res)
    next()
  })

  app.get('/connect/api/link', async (req, res) => {
    res.json(describe(await viewOf(db, await linkOf(req))))
  })

  app.get('/connect/api/status', async (req, res) => {
    const link = await linkOf(req)
    res.json({
      id: link.id,
      status: stateOf(link),
      connectionId: link.connection_id,
      authorizing: await authorizing(db, link),
      expiresAt: link.expires_at,
    })
  })

  app.post('/connect/api/credentials', async (req, res) => {
    const view = await headless(req)
    const { connector, authMethod, credentials } = await bodyOf(req, WithCredentials)
    const choice = requireChoice(view, connector, authMethod)
    if (needsConsent(choice.method)) {
      throw invalidInput(`'${choice.method.slug}' is connected by consent.`, {
        where: 'authMethod',
        hint: 'POST /connect/api/oauth gives the address where the person consents.',
      })
    }
    const connectionId = await connectWith(deps, view, choice, credentials)
    res.status(201).json({ id: view.link.id, status: 'completed', connectionId })
  })

  app.post('/connect/api/oauth', async (req, res) => {
    const view = await headless(req)
    const { connector, authMethod, fields } = await bodyOf(req, WithFields)
    const choice = requireChoice(view, connector, authMethod)
    if (!needsConsent(choice.method)) {
      throw invalidInput(`'${choice.method.slug}' takes credentials, not consent.`, {
        where: 'authMethod',
        hint: 'POST /connect/api/credentials takes them.',
      })
    }
    res.status(201).json(await beginConsent(deps, view, choice, fields))
  })

  app.post('/connect/api/cancel', async (req, res) => {
    const { link } = await headless(req)
    await cancelLink(deps, link)
    res.json({ id: link.id, status: 'cancelled', connectionId: null })
  })
  app.use('/connect/api', unknown)
}

const unknown: RequestHandler = (req) => {
  throw new AppError('not_found', `There is nothing at ${req.method} ${req.baseUrl}${req.path}.`, {
    hint: 'GET link and status, POST credentials, oauth and cancel. docs/connect.md describes them.',
  })
}

const allowOrigins = (res: Response) => res.set('Access-Control-Allow-Origin', '*')

async function bodyOf<T>(req: Request, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await readJsonObject(req))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalidInput(
    parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    {
      where: issue?.path.join('.') || 'body',
      hint: 'docs/connect.md shows what each endpoint takes.',
    },
  )
}

/** What a page of the product's own needs to draw. */
const describe = ({ link, state, brand, customerName, apps }: LinkView) => ({
  id: link.id,
  status: state,
  connectionId: link.connection_id,
  reconnects: link.reconnects,
  expiresAt: link.expires_at,
  organization: brand,
  customer: customerName === null ? null : { name: customerName },
  connectors: apps.map(({ connector, iconUrl, methods }) => ({
    connector: connector.slug,
    name: connector.name,
    description: connector.description,
    iconUrl,
    authMethods: methods.map((method) => ({
      authMethod: method.slug,
      type: method.type,
      name: method.name,
      description: method.description ?? null,
      documentationUrl: method.documentationUrl ?? null,
      consent: needsConsent(method),
      fields: fieldsOf(method).map(({ name, label, secret, optional, description }) => ({
        name,
        label,
        secret,
        optional: optional ?? false,
        description: description ?? null,
      })),
      scopes: needsConsent(method) ? scopesOf(method) : [],
    })),
  })),
})
