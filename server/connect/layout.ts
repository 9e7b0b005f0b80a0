import { html, type Markup } from '../http/html.ts'
import type { AssetUrls } from './assets.ts'
import { DEFAULT_COLOR } from './colors.ts'
import type { App, Brand, LinkView } from './view.ts'

/** How the page is shown: by itself, in a frame of the product, in a window it opened, or for consent beside a frame. */
export type Display = 'page' | 'embed' | 'popup' | 'consent'

export interface Shown {
  urls: AssetUrls
  display: Display
  /** Null where only the link is known: a page that comes back from a provider. */
  token: string | null
}

interface Page {
  title: string
  view: LinkView
  shown: Shown
  body: Markup
  /** A page that goes on by itself, without a script. */
  goesTo?: string
}

/** A whole page. What its script needs to know stands in `data-` attributes. */
export function layout({ title, view, shown, body, goesTo }: Page): string {
  const { brand, link, state } = view
  const { urls, display, token } = shown
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
${goesTo !== undefined && html`<meta http-equiv="refresh" content="0;url=${goesTo}">`}
<title>${title} · ${brand.name}</title>
<link rel="icon" href="${brand.logoUrl ?? urls.icon(brand.primaryColor ?? DEFAULT_COLOR)}">
<link rel="stylesheet" href="${urls.theme(brand.primaryColor ?? DEFAULT_COLOR)}">
<link rel="stylesheet" href="${urls.style}">
<script src="${urls.script}" defer></script>
</head>
<body class="${display}" data-display="${display}" data-state="${state}" data-link="${link.id}" data-connection="${link.connection_id}" data-opener="${link.opener_origin}" data-status-url="${urls.status}" data-token="${state === 'pending' && display === 'embed' ? token : null}">
<main>
<div class="card">
${body}
</div>
${footer(view)}
</main>
<div class="visually-hidden" role="status" id="live"></div>
</body>
</html>
`.text
}

function footer({ brand, customerName }: LinkView): Markup {
  return html`<footer>
${customerName !== null && html`<p>Connecting for <strong>${customerName}</strong></p>`}
<p class="safe">${icons.lock} Your credentials are stored encrypted</p>
${
  (brand.supportUrl !== null || brand.privacyUrl !== null) &&
  html`<p>${brand.supportUrl !== null && html`<a href="${brand.supportUrl}" target="_blank" rel="noopener noreferrer">Get help</a>`}${brand.supportUrl !== null && brand.privacyUrl !== null && html`<span aria-hidden="true"> · </span>`}${brand.privacyUrl !== null && html`<a href="${brand.privacyUrl}" target="_blank" rel="noopener noreferrer">Privacy</a>`}</p>`
}
</footer>`
}

/** The two that are connected, side by side, with what came of it between them. */
export function marks(brand: Brand, app: App | undefined, between?: Markup): Markup {
  return html`<div class="marks" aria-hidden="true">
${mark(brand.name, brand.logoUrl, 'ours')}
${app !== undefined && html`${between ?? html`<span class="wire"><i></i><i></i><i></i></span>`}${mark(app.connector.name, app.iconUrl, 'theirs')}`}
</div>`
}

export const mark = (name: string, imageUrl: string | null, kind: 'ours' | 'theirs'): Markup =>
  imageUrl === null
    ? html`<span class="mark ${kind}"><span class="letter">${firstLetter(name)}</span></span>`
    : html`<span class="mark ${kind}"><img src="${imageUrl}" alt="" width="32" height="32"></span>`

const firstLetter = (name: string): string =>
  [...new Intl.Segmenter().segment(name.trim())][0]?.segment.toLocaleUpperCase() ?? '?'

const svg = (paths: Markup): Markup =>
  html`<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${paths}</svg>`

export const icons = {
  lock: svg(html`<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>`),
  check: svg(html`<path d="M5 12.5l4.5 4.5L19 7.5"/>`),
  clock: svg(html`<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>`),
  cross: svg(html`<path d="M7 7l10 10M17 7L7 17"/>`),
  alert: svg(html`<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.5v.01"/>`),
  key: svg(html`<circle cx="8" cy="15" r="4"/><path d="M11 12l8-8M16 7l2.5 2.5"/>`),
  person: svg(html`<circle cx="12" cy="8" r="3.5"/><path d="M5 20c.8-4 3.5-6 7-6s6.2 2 7 6"/>`),
  chevron: svg(html`<path d="M9 6l6 6-6 6"/>`),
  back: svg(html`<path d="M15 6l-6 6 6 6"/>`),
  external: svg(
    html`<path d="M14 5h5v5M19 5l-8 8M17 14v4a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1h4"/>`,
  ),
}
