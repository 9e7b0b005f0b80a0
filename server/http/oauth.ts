import type express from 'express'
import { toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { OAUTH_CALLBACK_PATH } from '../../runtime/oauth/oauth.ts'
import { finishConsent } from '../connect/callback.ts'
import type { ConnectDeps } from '../connect/connecting.ts'
import { html } from './html.ts'

/**
 * `GET /oauth/callback`: where providers send people back to (RFC 6749, 4.1.2). Stores the connection, then
 * sends them on, or says that all is done. What a connect link began ends on its page.
 */
export function mountOAuthCallback(app: express.Express, deps: ConnectDeps, log: Logger): void {
  const { oauth, connectLinks } = deps.invoker.services
  app.get(OAUTH_CALLBACK_PATH, async (req, res) => {
    // Only the query is read; the host a client names is of no account.
    const callback = new URL(req.originalUrl, 'http://callback.invalid').href
    res.set('Cache-Control', 'no-store').set('Referrer-Policy', 'no-referrer')
    const linkId = (await oauth.find(callback))?.connectLinkId ?? null
    const link = linkId === null ? undefined : await connectLinks.findById(linkId)
    if (link !== undefined) return finishConsent(deps, req, res, callback, link)
    try {
      const { returnUrl } = await oauth.complete(callback)
      if (returnUrl !== null) res.redirect(303, returnUrl)
      else res.type('html').send(page('Connected', 'The account is connected. You can close this page.'))
    } catch (cause) {
      const error = toAppError(cause)
      if (error.code === 'internal') log.error({ err: cause }, 'an OAuth callback failed')
      res
        .status(error.status >= 500 && error.code !== 'internal' ? 400 : error.status)
        .type('html')
        .send(page('Not connected', [error.message, error.hint].filter(Boolean).join(' ')))
    }
  })
}

const page = (title: string, text: string): string =>
  html`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1><p>${text}</p></main></html>`
    .text
