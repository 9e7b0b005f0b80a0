import { needsConsent } from '../../runtime/connect-links/connectable.ts'
import type { AuthMethod, CredentialField } from '../../runtime/connectors/definition.ts'
import { html, type Markup } from '../http/html.ts'
import type { Complaint } from './explain.ts'
import { icons, layout, mark, marks, type Shown } from './layout.ts'
import { type App, type Choice, fieldsOf, type LinkView, scopesOf } from './view.ts'

const MAX_SCOPES_SHOWN = 8
/** From this many apps on, a field to find one. */
const FILTER_FROM = 7

interface Place {
  connector?: string | undefined
  method?: string | undefined
}

/** The address of the page at some step. */
export function hrefOf({ urls, token, display }: Shown, { connector, method }: Place = {}): string {
  const query = new URLSearchParams({
    token: token ?? '',
    ...(display === 'page' ? {} : { display }),
    ...(connector === undefined ? {} : { connector }),
    ...(method === undefined ? {} : { method }),
  })
  return `${urls.page}?${query}`
}

const hidden = (name: string, value: string | null | undefined): Markup | false =>
  value !== undefined && value !== null && html`<input type="hidden" name="${name}" value="${value}">`

const cancel = (shown: Shown): Markup => html`<form method="post" action="${shown.urls.page}" class="cancel">
${hidden('token', shown.token)}${hidden('display', shown.display)}
<button class="quiet" name="do" value="cancel">Cancel</button>
</form>`

const backTo = (href: string, what: string): Markup =>
  html`<a class="back" href="${href}">${icons.back}<span>${what}</span></a>`

export function chooseApp(view: LinkView, shown: Shown): string {
  const { brand, apps } = view
  const item = (
    app: App,
  ) => html`<li data-words="${`${app.connector.name} ${app.connector.slug}`.toLowerCase()}"><a class="option" href="${hrefOf(shown, { connector: app.connector.slug })}">
${mark(app.connector.name, app.iconUrl, 'theirs')}<span class="text"><strong>${app.connector.name}</strong>${app.connector.description !== '' && html`<small>${firstSentence(app.connector.description)}</small>`}</span>${icons.chevron}</a></li>`
  const body = html`${marks(brand, undefined)}
<h1>Connect an app to ${brand.name}</h1>
${
  apps.length === 0
    ? html`<p class="lead">There is no app to connect yet. Please tell ${brand.name}.</p>`
    : html`<p class="lead">Choose the app whose account you want to use with ${brand.name}.</p>
${apps.length >= FILTER_FROM && html`<div class="filter" hidden><label for="filter">Find an app</label><input id="filter" type="search" autocomplete="off" spellcheck="false"></div>`}
<ul class="options" id="apps">${apps.map(item)}</ul>
<p class="none" id="none" hidden>No app by that name.</p>`
}
${cancel(shown)}`
  return layout({ title: 'Connect an app', view, shown, body })
}

export function chooseMethod(view: LinkView, shown: Shown, app: App): string {
  const { connector } = app
  const item = (
    method: AuthMethod,
  ) => html`<li><a class="option" href="${hrefOf(shown, { connector: connector.slug, method: method.slug })}">
<span class="glyph">${needsConsent(method) ? icons.person : icons.key}</span><span class="text"><strong>${methodTitle(method, app)}</strong><small>${method.description === undefined ? whatToDo(method, connector.name) : firstSentence(method.description)}</small></span>${icons.chevron}</a></li>`
  const body = html`${view.apps.length > 1 && backTo(hrefOf(shown), 'All apps')}
${marks(view.brand, app)}
<h1>${heading(view, app)}</h1>
<p class="lead">How do you want to connect?</p>
<ul class="options">${app.methods.map(item)}</ul>
${cancel(shown)}`
  return layout({ title: heading(view, app), view, shown, body })
}

/** The form of an auth method, or the button that leads to the provider. */
export function connectForm(
  view: LinkView,
  shown: Shown,
  choice: Choice,
  given: { values: Record<string, string>; missing: readonly CredentialField[]; complaint?: Complaint } = {
    values: {},
    missing: [],
  },
): string {
  const { app, method } = choice
  const { connector } = app
  const consent = needsConsent(method)
  const fields = fieldsOf(method)
  const scopes = consent ? scopesOf(method) : []
  const wrong = new Set([...given.missing.map(({ name }) => name), ...(given.complaint?.fields ?? [])])
  const failed = given.missing.length > 0 || given.complaint !== undefined
  const back =
    app.methods.length > 1
      ? backTo(hrefOf(shown, { connector: connector.slug }), 'Other ways to connect')
      : view.apps.length > 1 && backTo(hrefOf(shown), 'All apps')
  const body = html`${back}
${marks(view.brand, app)}
<h1>${heading(view, app)}</h1>
<p class="lead">${lead(view, choice)}</p>
${failed && summary(given, fields)}
<form method="post" action="${shown.urls.page}" id="connect" autocomplete="off" novalidate${consent ? html` data-consent="true"${shown.display === 'embed' && html` target="_blank"`}` : ''}>
${hidden('token', shown.token)}${hidden('display', shown.display)}${hidden('connector', connector.slug)}${hidden('method', method.slug)}
${fields.map((field) => input(field, given.values[field.name] ?? '', wrong.has(field.name), given, app))}
${
  scopes.length > 0 &&
  html`<section class="scopes" aria-labelledby="scopes"><h2 id="scopes">${view.brand.name} will ask for</h2><ul>${scopes
    .slice(0, MAX_SCOPES_SHOWN)
    .map(
      ({ name, description }) =>
        html`<li>${icons.check}<span>${description ?? html`<code>${name}</code>`}</span></li>`,
    )}</ul>
${scopes.length > MAX_SCOPES_SHOWN && html`<p>and ${scopes.length - MAX_SCOPES_SHOWN} more, which ${connector.name} will show you.</p>`}</section>`
}
${
  method.documentationUrl !== undefined &&
  /^https?:/i.test(method.documentationUrl) &&
  html`<p class="where"><a href="${method.documentationUrl}" target="_blank" rel="noopener noreferrer">Where do I find ${fields.length > 0 ? 'this' : 'out more'}?&nbsp;${icons.external}<span class="visually-hidden"> (opens in a new tab)</span></a></p>`
}
<button class="primary" name="do" value="${consent ? 'consent' : 'connect'}" data-busy="${consent ? 'Opening…' : 'Checking…'}"><span>${consent ? `Continue to ${connector.name}` : 'Connect'}</span></button>
</form>
${cancel(shown)}`
  const title = failed ? `Error: ${heading(view, app)}` : heading(view, app)
  return layout({ title, view, shown, body })
}

/** WCAG 3.3.1 and G139: what is wrong, said first, each linked to its field. */
function summary(
  given: { missing: readonly CredentialField[]; complaint?: Complaint },
  fields: readonly CredentialField[],
): Markup {
  const { complaint, missing } = given
  const first = fields.find(({ name }) => complaint?.fields.includes(name))
  return html`<div class="summary" id="summary" role="alert" tabindex="-1" aria-labelledby="summary-title">
${icons.alert}<div><h2 id="summary-title">${complaint === undefined ? 'Something is missing' : 'Not connected'}</h2>
<ul>${missing.map((field) => html`<li><a href="#field-${field.name}">Enter ${articled(field.label)}</a></li>`)}
${complaint !== undefined && html`<li>${first === undefined ? complaint.message : html`<a href="#field-${first.name}">${complaint.message}</a>`}</li>`}</ul>
${complaint?.reason !== undefined && html`<p>The answer was: <q>${complaint.reason}</q></p>`}</div></div>`
}

function input(
  field: CredentialField,
  value: string,
  wrong: boolean,
  { missing }: { missing: readonly CredentialField[] },
  { connector }: App,
): Markup {
  const id = `field-${field.name}`
  const absent = missing.some(({ name }) => name === field.name)
  const described = [
    ...(field.description === undefined ? [] : [`${id}-hint`]),
    ...(wrong ? [`${id}-error`] : []),
  ].join(' ')
  return html`<div class="field${wrong && ' wrong'}">
<label for="${id}">${field.label}${field.optional === true && html` <span class="optional">(optional)</span>`}</label>
${field.description !== undefined && html`<p class="hint" id="${id}-hint">${field.description}</p>`}
${wrong && html`<p class="error" id="${id}-error">${absent ? `Enter ${articled(field.label)}.` : `Check this: ${connector.name} did not accept it.`}</p>`}
<div class="box"><input id="${id}" name="field.${field.name}" type="${field.secret ? 'password' : 'text'}"${!field.secret && html` value="${value}"`}${field.secret && html` data-secret="true"`} autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false"${field.optional !== true && html` required aria-required="true"`}${wrong && html` aria-invalid="true"`}${described !== '' && html` aria-describedby="${described}"`}></div>
</div>`
}

/** On the way to the provider; works without a script. */
export function leaving(view: LinkView, shown: Shown, { app }: Choice, url: string): string {
  const body = html`${marks(view.brand, app)}
<h1>Taking you to ${app.connector.name}</h1>
<p class="lead">Sign in there and approve. You will come back here afterwards.</p>
<a class="primary" href="${url}" rel="noreferrer">Continue to ${app.connector.name}</a>`
  return layout({ title: `Taking you to ${app.connector.name}`, view, shown, body, goesTo: url })
}

export const heading = ({ link, brand }: LinkView, { connector }: App): string =>
  link.reconnects === null
    ? `Connect ${connector.name} to ${brand.name}`
    : `Reconnect ${connector.name} to ${brand.name}`

function lead(view: LinkView, { app, method }: Choice): string {
  const [ours, theirs] = [view.brand.name, app.connector.name]
  if (needsConsent(method))
    return `You will sign in at ${theirs} and approve what ${ours} may do there. ${ours} never sees your password.`
  if (method.type === 'no_auth') return `${theirs} needs no credentials. ${ours} will use it as it is.`
  if (method.description !== undefined) return method.description
  const isTried = app.connector.definition.verification != null
  return `Enter ${kindOf(method)} from ${theirs}.${isTried ? ' It is tried once before it is stored.' : ''}`
}

/** What connecting this way takes, in a list of ways. */
const whatToDo = (method: AuthMethod, app: string): string => {
  if (needsConsent(method)) return `Sign in to ${app} and approve`
  if (method.type === 'no_auth') return `Nothing to enter: ${app} needs no credentials`
  return `Enter ${kindOf(method)} from ${app}`
}

const kindOf = (method: AuthMethod): string => {
  if (method.type === 'api_key') return 'an API key'
  if (method.type === 'basic_auth') return 'your user name and password'
  if (method.type === 'bearer_token') return 'an access token'
  return 'your credentials'
}

const methodTitle = (method: AuthMethod, { connector }: App): string =>
  needsConsent(method) && /^oauth/i.test(method.name) ? `Sign in with ${connector.name}` : method.name

const articled = (label: string): string =>
  `the ${/^[A-Z][a-z ]/.test(label) ? label[0]?.toLowerCase() + label.slice(1) : label}`

const firstSentence = (text: string): string => {
  const sentence = /^[\s\S]*?[.!?](?=\s|$)/.exec(text.trim())?.[0] ?? text.trim()
  return sentence.length > 110 ? `${sentence.slice(0, 109).trimEnd()}…` : sentence
}
