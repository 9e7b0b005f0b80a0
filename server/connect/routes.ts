import type express from 'express'
import type { Request, Response } from 'express'
import { AppError, invalidInput, toAppError } from '../../core/errors.ts'
import { readBytes } from '../http/body.ts'
import { localsOf } from '../http/call.ts'
import { HttpError } from '../http/problem.ts'
import { assetUrls, mountAssets } from './assets.ts'
import { bindBrowser, displayOf } from './browser-binding.ts'
import { beginConsent, type ConnectDeps, cancelLink, connectWith } from './connecting.ts'
import { explain, leftOut } from './explain.ts'
import { setPageHeaders } from './headers.ts'
import { mountHeadless } from './headless.ts'
import type { Shown } from './layout.ts'
import { outcome } from './outcome-pages.ts'
import { chooseApp, chooseMethod, connectForm, hrefOf, leaving } from './pages.ts'
import { plainPage } from './plain-page.ts'
import { type Choice, chosenApp, chosenMethod, fieldsOf, type LinkView, viewOf } from './view.ts'

const MAX_FORM_BYTES = 256 * 1024
const FIELD = 'field.'

/** The connect page, its assets, and the endpoints for products that draw their own. */
export function mountConnect(app: express.Express, deps: ConnectDeps): void {
  mountAssets(app)
  mountHeadless(app, deps)
  app.get('/connect', async (req, res) => {
    const token = textOf(req.query.token)
    const opened = await open(deps, res, token, displayOf(req.query.display))
    if (opened === undefined) return
    const { view, shown } = opened
    if (view.state !== 'pending') {
      const arrived = req.query.done === '1'
      res.status(view.state === 'completed' && arrived ? 200 : 410).send(outcome(view, shown, arrived))
      return
    }
    const app = chosenApp(view, optional(req.query.connector))
    if (app === undefined) {
      res.send(chooseApp(view, shown))
      return
    }
    const method = chosenMethod(app, optional(req.query.method))
    res.send(
      method === undefined ? chooseMethod(view, shown, app) : connectForm(view, shown, { app, method }),
    )
  })

  app.post('/connect', async (req, res) => {
    refuseOtherSites(req)
    const form = await readForm(req)
    const token = form.get('token') ?? ''
    const opened = await open(deps, res, token, displayOf(form.get('display')))
    if (opened === undefined) return
    const { view, shown } = opened
    if (view.state !== 'pending') {
      res.status(409).send(outcome(view, shown, false))
      return
    }
    if (form.get('do') === 'cancel') {
      await cancelLink(deps, view.link)
      res.redirect(303, hrefOf(shown))
      return
    }
    const app = chosenApp(view, form.get('connector') ?? undefined)
    const method = app && chosenMethod(app, form.get('method') ?? undefined)
    if (app === undefined || method === undefined) res.redirect(303, hrefOf(shown))
    else await submit(deps, res, { view, shown, choice: { app, method }, form })
  })
}

/** The link of a token and how it is shown; answers itself when there is none. */
async function open(deps: ConnectDeps, res: Response, token: string, asked: Shown['display']) {
  const { services, db } = deps.invoker
  const link = await services.connectLinks.find(token)
  const urls = assetUrls(services.publicUrl())
  if (link === undefined || link.headless) {
    setPageHeaders(res, { openerOrigin: null, images: [], secure: isSecure(deps) })
    res.status(404).type('html').send(plainPage(urls, unknownLink))
    return undefined
  }
  const view = await viewOf(db, link)
  const display = link.opener_origin === null && asked !== 'consent' ? 'page' : asked
  headersFor(deps, res, view)
  res.type('html')
  return { view, shown: { urls, display, token } satisfies Shown }
}

const unknownLink = {
  title: 'This link does not work',
  text: 'It may have been cut off when it was copied, or it is too old. Open it again from where you got it, or ask for a new one.',
}

export function headersFor(deps: ConnectDeps, res: Response, { link, brand, apps }: LinkView): void {
  setPageHeaders(res, {
    openerOrigin: link.opener_origin,
    images: [brand.logoUrl, ...apps.map(({ iconUrl }) => iconUrl)],
    secure: isSecure(deps),
  })
}

export const isSecure = (deps: ConnectDeps): boolean => deps.invoker.services.publicUrl().startsWith('https:')

async function submit(
  deps: ConnectDeps,
  res: Response,
  given: { view: LinkView; shown: Shown; choice: Choice; form: URLSearchParams },
): Promise<void> {
  const { view, shown, choice, form } = given
  const fields = fieldsOf(choice.method)
  const values = Object.fromEntries(
    fields
      .map(({ name }) => [name, cleaned(name, form.get(`${FIELD}${name}`) ?? '')] as const)
      .filter(([, value]) => value !== ''),
  )
  const missing = leftOut(fields, values)
  if (missing.length > 0) {
    res.status(422).send(connectForm(view, shown, choice, { values, missing }))
    return
  }
  try {
    if (form.get('do') === 'consent') {
      const { url } = await beginConsent(deps, view, choice, values)
      const state = new URL(url).searchParams.get('state') ?? ''
      // Providers refuse to be framed: from a frame, consent is given in a window of its own.
      const display = shown.display === 'embed' ? 'consent' : shown.display
      bindBrowser(res, state, { token: shown.token ?? '', display }, isSecure(deps))
      res.send(leaving(view, { ...shown, display }, choice, url))
      return
    }
    await connectWith(deps, view, choice, values)
    res.redirect(303, `${hrefOf(shown)}&done=1`)
  } catch (cause) {
    const error = toAppError(cause)
    const { log, requestId } = localsOf(res)
    if (error.code === 'internal') log.error({ err: cause }, 'an account could not be connected')
    const now = await deps.invoker.services.connectLinks.find(shown.token ?? '')
    if (now !== undefined && now.status !== 'pending') {
      res.status(409).send(outcome(await viewOf(deps.invoker.db, now), shown, false))
      return
    }
    const complaint = explain(error, choice, requestId)
    res
      .status(error.code === 'internal' ? 500 : 422)
      .send(connectForm(view, shown, choice, { values, missing: [], complaint }))
  }
}

/** Keys are copied with spaces and line ends around them; a password may have them. */
const cleaned = (name: string, value: string): string => (name === 'password' ? value : value.trim())

/**
 * A form is sent by our own page only. The link's token in it, which no other site knows, is what holds; the browser's
 * word comes before anything is read. (Under no-referrer `Origin` is null even for our own form.)
 */
function refuseOtherSites(req: Request): void {
  const site = req.get('sec-fetch-site')
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw new AppError('forbidden', 'This form was sent by a page of another site.', {
    where: 'header Sec-Fetch-Site',
    hint: 'Open the connect link itself.',
  })
}

async function readForm(req: Request): Promise<URLSearchParams> {
  if (!req.is('application/x-www-form-urlencoded')) {
    throw new HttpError(415, 'invalid_input', 'A form is expected.', {
      where: 'header Content-Type',
      hint: 'Send application/x-www-form-urlencoded; programs use /connect/api.',
    })
  }
  const bytes = await readBytes(req, MAX_FORM_BYTES, () =>
    invalidInput(`A form may have ${MAX_FORM_BYTES} bytes at most.`, { where: 'body' }),
  )
  return new URLSearchParams(bytes.toString('utf8'))
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const optional = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
