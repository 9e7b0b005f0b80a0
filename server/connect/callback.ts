import type { Request, Response } from 'express'
import { toAppError } from '../../core/errors.ts'
import type { ConnectLinkRow } from '../../db/connect-links.ts'
import { localsOf } from '../http/call.ts'
import { assetUrls } from './assets.ts'
import { type Bound, boundBrowser, releaseBrowser } from './browser-binding.ts'
import type { ConnectDeps } from './connecting.ts'
import type { Shown } from './layout.ts'
import { notConnected, outcome, returnUrlOf } from './outcome-pages.ts'
import { hrefOf } from './pages.ts'
import { headersFor, isSecure } from './routes.ts'
import { type LinkView, viewOf } from './view.ts'

/**
 * The end of consent that a connect link began: back to its page, which says what came of it. Only in the browser it
 * was begun in; a headless link's product answers for that itself.
 */
export async function finishConsent(
  deps: ConnectDeps,
  req: Request,
  res: Response,
  callback: string,
  link: ConnectLinkRow,
): Promise<void> {
  const { services, db } = deps.invoker
  const state = new URL(callback).searchParams.get('state') ?? ''
  const secure = isSecure(deps)
  const bound = link.headless ? undefined : boundBrowser(req, state, secure)
  const before = await viewOf(db, link)
  const shown: Shown = {
    urls: assetUrls(services.publicUrl()),
    display: bound?.display ?? 'page',
    token: bound?.token ?? null,
  }
  headersFor(deps, res, before)
  res.type('html')
  if (!link.headless && bound === undefined) {
    const message = `Consent was begun in another browser, so ${before.brand.name} cannot know that it is yours.`
    res.status(403).send(notConnected(before, shown, appOf(before), { message, again: null }))
    return
  }
  try {
    await services.oauth.complete(callback)
  } catch (cause) {
    await failed(deps, res, { cause, view: before, shown, bound })
    return
  }
  services.connectLinks.used()
  if (bound !== undefined) releaseBrowser(res, state, secure)
  const now = (await services.connectLinks.findById(link.id)) ?? link
  await arrive(res, await viewOf(db, now), shown)
}

async function arrive(res: Response, view: LinkView, shown: Shown): Promise<void> {
  const back = returnUrlOf(view)
  if (shown.token !== null) res.redirect(303, `${hrefOf(shown)}&done=1`)
  else if (back !== null) res.redirect(303, back)
  else res.send(outcome(view, shown, true))
}

async function failed(
  deps: ConnectDeps,
  res: Response,
  { cause, view, shown, bound }: { cause: unknown; view: LinkView; shown: Shown; bound: Bound | undefined },
): Promise<void> {
  const error = toAppError(cause)
  const { log, requestId } = localsOf(res)
  if (error.code === 'internal') log.error({ err: cause }, 'an OAuth callback failed')
  const now = (await deps.invoker.services.connectLinks.findById(view.link.id)) ?? view.link
  if (now.status === 'completed' && bound !== undefined) {
    // The callback's page was loaded again.
    await arrive(res, await viewOf(deps.invoker.db, now), shown)
    return
  }
  const declined = error.data?.oauthError === 'access_denied'
  const name = appOf(view)?.connector.name ?? 'the app'
  const message = declined
    ? `You did not approve at ${name}, so nothing was connected.`
    : error.code === 'internal'
      ? `Something went wrong on our side. Reference: ${requestId}`
      : error.message
  const again = bound === undefined ? null : hrefOf(shown)
  res
    .status(error.status >= 500 && error.code !== 'internal' ? 400 : error.status)
    .send(notConnected(view, shown, appOf(view), { message, again }))
}

const appOf = ({ apps }: LinkView) => (apps.length === 1 ? apps[0] : undefined)
