import { html, type Markup } from '../http/html.ts'
import { icons, layout, marks, type Shown } from './layout.ts'
import type { App, LinkState, LinkView } from './view.ts'

/** The return address with what came of it: the only address a page leads to is the one the link's maker gave. */
export function returnUrlOf({ link, state }: LinkView): string | null {
  if (link.return_url === null) return null
  const url = new URL(link.return_url)
  url.searchParams.set('connect_link', link.id)
  url.searchParams.set('status', state)
  if (link.connection_id !== null) url.searchParams.set('connection', link.connection_id)
  return url.href
}

/** What a link that cannot be used (any more) shows. */
export function outcome(view: LinkView, shown: Shown, arrived: boolean): string {
  const { brand, state } = view
  const back = returnUrlOf(view)
  const { title, text, glyph, kind } = words(view, arrived)
  const seal = html`<span class="seal ${kind}" aria-hidden="true">${glyph}</span>`
  const body = html`${kind === 'good' && view.connected !== undefined ? marks(brand, view.connected, seal) : seal}
<h1 id="outcome" tabindex="-1">${title}</h1>
<p class="lead">${text}</p>
${ending(shown, state, back, brand.name)}`
  return layout({ title, view, shown, body })
}

function ending(shown: Shown, state: LinkState, back: string | null, name: string): Markup | false {
  if (shown.display === 'embed')
    return html`<button class="primary" type="button" data-close hidden>Done</button>`
  if (shown.display !== 'page')
    return html`<p class="note">You can close this window.</p><button class="primary" type="button" data-close hidden>Close</button>`
  if (back !== null) return html`<a class="primary" href="${back}">Return to ${name}</a>`
  return state === 'completed' && html`<p class="note">You can close this page.</p>`
}

interface Words {
  title: string
  text: string
  glyph: Markup
  kind: 'good' | 'calm' | 'bad'
}

function words({ state, brand, link, connected }: LinkView, arrived: boolean): Words {
  const theirs = connected?.connector.name ?? 'The account'
  switch (state) {
    case 'completed':
      return arrived
        ? {
            title: `${theirs} is ${link.reconnects === null ? 'connected' : 'connected again'}`,
            text: `${brand.name} can use your account now. You can end this at any time in ${brand.name}.`,
            glyph: icons.check,
            kind: 'good',
          }
        : {
            title: 'This link was used already',
            text: `An account was connected with it. If that was not you, tell ${brand.name}. To connect another account, ask for a new link.`,
            glyph: icons.check,
            kind: 'calm',
          }
    case 'cancelled':
      return {
        title: 'Nothing was connected',
        text: `This link was cancelled. If you change your mind, ask ${brand.name} for a new one.`,
        glyph: icons.cross,
        kind: 'calm',
      }
    default:
      return {
        title: 'This link has expired',
        text: `Links work for a limited time, for your safety. Ask ${brand.name} for a new one.`,
        glyph: icons.clock,
        kind: 'calm',
      }
  }
}

/** A problem on the way back from the provider, with a way to try again. */
export function notConnected(
  view: LinkView,
  shown: Shown,
  app: App | undefined,
  problem: { message: string; again: string | null },
): string {
  const name = app?.connector.name ?? 'The account'
  const title = `${name} was not connected`
  const body = html`${marks(view.brand, app)}
<div class="seal bad" aria-hidden="true">${icons.alert}</div>
<h1 id="outcome" tabindex="-1">${title}</h1>
<p class="lead">${problem.message}</p>
${problem.again === null ? html`<p class="note">Open the link you were given again.</p>` : html`<a class="primary" href="${problem.again}">Try again</a>`}`
  return layout({ title, view, shown, body })
}
