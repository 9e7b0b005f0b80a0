import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Body } from '../setup/platform.ts'
import { openSetting, RIGHT_KEY, type Setting } from './setting.ts'

let setting: Setting
beforeAll(async () => {
  setting = await openSetting()
})
afterAll(() => setting.close())

const page = (token: string, more: Record<string, string> = {}) =>
  fetch(`${setting.platform.url}/connect?${new URLSearchParams({ token, ...more })}`, { redirect: 'manual' })

/** What a browser sends when the form is submitted. */
const submit = (
  token: string,
  fields: Record<string, string>,
  headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
) =>
  fetch(`${setting.platform.url}/connect`, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams({ token, connector: 'parcelo', method: 'key', do: 'connect', ...fields }),
  })

const api = async (token: string, what: string, body?: object): Promise<{ status: number; body: Body }> => {
  const answer = await fetch(`${setting.platform.url}/connect/api/${what}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as Body }
}

const system = <R extends object>(sql: string, params: unknown[]) =>
  setting.platform.platform.db.tenant(
    { organizationId: setting.tenant.organizationId, customerIds: null },
    (tx) => tx.rows<R>(sql, params),
  )
const statusOf = async (id: string) => (await setting.tenant.ok('get_connect_link', { link: id })).link.status
const linkForKey = (settings: object = {}) =>
  setting.link({ connector: 'parcelo', authMethod: 'key', ...settings })

describe('the page', () => {
  test('loads nothing inline or from elsewhere, is framed by nobody, and tells its address to nobody', async () => {
    const { token } = await linkForKey()
    const answer = await page(token)
    const text = await answer.text()
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'self'")
    expect(policy).not.toMatch(/unsafe|\*|data:/)
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': expect.stringContaining('noindex'),
    })
    expect(answer.headers.get('set-cookie')).toBeNull()
  })

  test('is framed by the opener of its link alone', async () => {
    const { token } = await linkForKey({ openerOrigin: 'https://app.acme.test/' })
    const answer = await page(token, { display: 'embed' })
    expect(answer.headers.get('content-security-policy')).toContain('frame-ancestors https://app.acme.test')
    expect(answer.headers.get('x-frame-options')).toBeNull()
  })

  test('shows what an organization and its connectors are called as text, whatever that is', async () => {
    const evil = `<img src=x onerror="alert(1)">`
    const tenant = await setting.platform.organization(evil)
    await tenant.ok('create_connector', {
      name: evil,
      slug: 'evil',
      baseUrl: 'https://evil.example',
      authMethods: [{ slug: 'key', type: 'api_key', name: evil, description: evil }],
    })
    const { url } = await tenant.ok('create_connect_link', { connector: 'evil' })
    const text = await (await fetch(url)).text()
    expect(text).not.toContain('<img src=x')
    expect(text).toContain('&#60;img src=x')
  })

  test('asks for nothing where an app needs no credentials', async () => {
    await setting.tenant.ok('create_connector', {
      name: 'Clock',
      slug: 'clock',
      baseUrl: setting.upstream.url,
      authMethods: [
        { slug: 'none', type: 'no_auth', name: 'No authentication' },
        { slug: 'token', type: 'bearer_token', name: 'Bearer token' },
      ],
    })
    const { token } = await setting.link({ connector: 'clock' })
    const choices = await (await page(token)).text()
    expect(choices).toContain('Enter an access token from Clock')
    expect(choices).toContain('Clock needs no credentials')
    expect(choices).not.toContain('Enter your credentials')
    const form = await (await page(token, { connector: 'clock', method: 'none' })).text()
    expect(form).toContain('Clock needs no credentials')
    expect(form).not.toMatch(/Enter |name="field\./)
    expect((await submit(token, { connector: 'clock', method: 'none' })).status).toBe(303)
    expect(await setting.connections('clock')).toHaveLength(1)
  })

  test('an unknown token is not found; an expired, cancelled or used link is gone, and takes nothing', async () => {
    expect((await page('no-such-token')).status).toBe(404)
    const expired = await linkForKey()
    await system("UPDATE connect_links SET expires_at = now() - interval '1 second' WHERE id = $1", [
      expired.id,
    ])
    const cancelled = await linkForKey()
    await setting.tenant.ok('cancel_connect_link', { link: cancelled.id })
    const used = await linkForKey()
    expect((await submit(used.token, { 'field.apiKey': RIGHT_KEY })).status).toBe(303)
    const before = (await setting.connections('parcelo')).length
    for (const [{ token, id }, status, words] of [
      [expired, 'expired', 'This link has expired'],
      [cancelled, 'cancelled', 'Nothing was connected'],
      [used, 'completed', 'This link was used already'],
    ] as const) {
      const answer = await page(token)
      expect([answer.status, await answer.text()]).toEqual([410, expect.stringContaining(words)])
      expect((await submit(token, { 'field.apiKey': RIGHT_KEY })).status).toBe(409)
      expect(await statusOf(id)).toBe(status)
    }
    expect(await setting.connections('parcelo')).toHaveLength(before)
  })

  test('a wrong key is answered with the provider’s reason, never shown again, and can be corrected', async () => {
    const { token, id } = await linkForKey()
    const answer = await submit(token, { 'field.apiKey': 'key-that-is-wrong', 'field.account': 'acme-1' })
    const text = await answer.text()
    expect(answer.status).toBe(422)
    expect(text).toContain('Parcelo did not accept this API key.')
    expect(text).toContain('No such API key')
    expect(text).toContain('value="acme-1"')
    expect(text).not.toContain('key-that-is-wrong')
    expect(text).toMatch(/role="alert"[^>]*tabindex="-1"/)
    expect(await statusOf(id)).toBe('pending')
    // Copied with a line end after it, as keys are.
    const again = await submit(token, { 'field.apiKey': ` ${RIGHT_KEY}\n` })
    expect(again.status).toBe(303)
    expect(again.headers.get('location')).toMatch(/^\/connect\?token=.*&done=1$/)
    expect(await statusOf(id)).toBe('completed')
  })

  test('what is missing is asked for, field by field, before anything is tried', async () => {
    const { token } = await linkForKey()
    const before = setting.upstream.received.length
    const answer = await submit(token, {})
    const text = await answer.text()
    expect(answer.status).toBe(422)
    expect(text).toContain('<a href="#field-apiKey">Enter the API key</a>')
    expect(text).toMatch(
      /<input id="field-apiKey"[^>]*aria-invalid="true"[^>]*aria-describedby="field-apiKey-error"/,
    )
    expect(text).toContain('<title>Error: ')
    expect(setting.upstream.received.length).toBe(before)
  })

  test('the outcome leads where the link’s maker said, and nowhere else', async () => {
    const { token, id } = await linkForKey({ returnUrl: 'https://app.acme.test/settings?tab=apps' })
    const answer = await submit(token, {
      'field.apiKey': RIGHT_KEY,
      returnUrl: 'https://evil.example',
      return_url: 'https://evil.example',
    })
    const text = await (
      await fetch(new URL(answer.headers.get('location') ?? '', setting.platform.url))
    ).text()
    const [, href = ''] = /class="primary" href="([^"]+)"/.exec(text) ?? []
    const back = new URL(href.replaceAll('&#38;', '&'))
    expect(back.origin + back.pathname).toBe('https://app.acme.test/settings')
    expect(Object.fromEntries(back.searchParams)).toMatchObject({
      tab: 'apps',
      status: 'completed',
      connect_link: id,
    })
    expect(text).not.toContain('evil.example')
    for (const returnUrl of ['javascript:alert(1)', 'data:text/html,x', '/relative']) {
      const refused = await setting.tenant.call('create_connect_link', { connector: 'parcelo', returnUrl })
      expect([returnUrl, refused.status]).toEqual([returnUrl, 400])
    }
  })

  test('the person’s Cancel ends the link', async () => {
    const { token, id } = await linkForKey()
    expect((await submit(token, { do: 'cancel' })).status).toBe(303)
    expect(await statusOf(id)).toBe('cancelled')
  })
})

describe('what holds', () => {
  test('a form that another site sends is refused, and so is one without the link’s token', async () => {
    const { token, id } = await linkForKey()
    for (const site of ['cross-site', 'same-site']) {
      const answer = await submit(token, { 'field.apiKey': RIGHT_KEY }, { 'sec-fetch-site': site })
      expect([site, answer.status]).toEqual([site, 403])
    }
    expect((await submit('', { 'field.apiKey': RIGHT_KEY })).status).toBe(404)
    expect((await submit(id, { 'field.apiKey': RIGHT_KEY })).status).toBe(404)
    expect(await statusOf(id)).toBe('pending')
  })

  test('of ten submissions at once, one connects', async () => {
    const { token, id } = await linkForKey({ name: 'Only once' })
    const unnamed = await linkForKey()
    for (const [link, expected] of [
      [token, 1],
      [unnamed.token, 1],
    ] as const) {
      const before = (await setting.connections('parcelo')).length
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => submit(link, { 'field.apiKey': RIGHT_KEY })),
      )
      expect(answers.filter(({ status }) => status === 303)).toHaveLength(expected)
      expect((await setting.connections('parcelo')).length - before).toBe(expected)
    }
    expect(await statusOf(id)).toBe('completed')
  })

  test('the token is kept nowhere', async () => {
    const { token, id } = await linkForKey()
    const [row] = await system<{ row: Body }>(
      'SELECT to_jsonb(l) AS row FROM connect_links l WHERE id = $1',
      [id],
    )
    expect(JSON.stringify(row)).not.toContain(token)
    expect(row?.row.token_hash).toMatch(/^\\x[0-9a-f]{64}$/)
    const shown = [
      await setting.tenant.ok('get_connect_link', { link: id }),
      await setting.tenant.ok('list_connect_links', { customer: 'globex' }),
      await setting.tenant.ok('list_audit_log', {}),
    ]
    expect(JSON.stringify(shown)).not.toContain(token)
  })

  test('the connection is stored by the tools, as the link and for its customer, and audited so', async () => {
    const { token, id } = await linkForKey()
    await submit(token, { 'field.apiKey': RIGHT_KEY })
    const { link } = await setting.tenant.ok('get_connect_link', { link: id })
    const { connection } = await setting.tenant.ok('get_connection', { connection: link.connectionId })
    expect(connection).toMatchObject({ customerId: setting.customerId, status: 'active', authMethod: 'key' })
    const { entries } = await setting.tenant.ok('list_audit_log', { action: 'create_connection' })
    expect(entries[0]).toMatchObject({
      actor: { type: 'connect_link', id },
      resource: link.connectionId,
      customerId: setting.customerId,
      outcome: 'success',
    })
  })

  test('a program that guesses keys is stopped', async () => {
    const { token } = await linkForKey()
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => submit(token, { 'field.apiKey': `guess-${at}` })),
    )
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    expect(texts.filter((text) => text.includes('Too many attempts')).length).toBeGreaterThanOrEqual(10)
  })

  test('a link reaches nothing of another organization, nor of another app than its own', async () => {
    const other = await setting.platform.organization('Other')
    await other.ok('create_connector', {
      name: 'Theirs',
      slug: 'theirs',
      baseUrl: 'https://theirs.example',
      authMethods: [{ slug: 'key', type: 'api_key', name: 'Key' }],
    })
    const { token } = await linkForKey({ headless: true })
    for (const connector of ['theirs', 'hubcode']) {
      const answer = await api(token, 'credentials', {
        connector,
        authMethod: 'key',
        credentials: { apiKey: RIGHT_KEY },
      })
      expect([connector, answer.status]).toEqual([connector, 404])
    }
    const mine = await linkForKey()
    expect((await other.call('get_connect_link', { link: mine.id })).status).toBe(404)
    expect((await other.call('cancel_connect_link', { link: mine.id })).status).toBe(404)
    const foreign = await other.call('create_connect_link', { connector: 'parcelo' })
    expect(foreign.status).toBe(404)
  })

  test('a key of one customer makes links for that one only', async () => {
    const { customer } = await setting.tenant.ok('create_customer', { name: 'Neighbour', slug: 'neighbour' })
    const key = await setting.tenant.key({ role: 'end_user', customerIds: [customer.id] })
    const own = await setting.tenant.ok('create_connect_link', { connector: 'parcelo' }, key)
    expect(own.link.customerId).toBe(customer.id)
    const others = await setting.tenant.call('create_connect_link', { customer: 'globex' }, key)
    expect(others.status).toBe(404)
    const { links } = await setting.tenant.ok('list_connect_links', {}, key)
    expect(links.map(({ id }: Body) => id)).toEqual([own.link.id])
  })

  test('links are refused that could not be used, with what to do', async () => {
    await setting.tenant.ok('create_connector', {
      name: 'Unready',
      slug: 'unready',
      baseUrl: 'https://unready.example',
      authMethods: [
        {
          slug: 'oauth',
          type: 'oauth2',
          name: 'OAuth',
          authorizationUrl: 'https://unready.example/auth',
          tokenUrl: 'https://unready.example/token',
        },
      ],
    })
    const unready = await setting.tenant.call('create_connect_link', { connector: 'unready' })
    expect([unready.status, unready.body.hint]).toEqual([409, expect.stringContaining('create_oauth_app')])
    const wrong = await setting.tenant.call('create_connect_link', { connector: 'parcelo', authMethod: 'x' })
    expect([wrong.status, wrong.body.where]).toEqual([400, 'authMethod'])
    const both = await setting.tenant.call('create_connect_link', {
      connector: 'parcelo',
      headless: true,
      openerOrigin: 'https://app.acme.test',
    })
    expect(both.status).toBe(400)
    const late = await setting.tenant.call('create_connect_link', { expiresInMinutes: 10_081 })
    expect(late.status).toBe(400)
  })

  test('a link for an existing connection gives that one new credentials', async () => {
    const { connection } = await setting.tenant.ok('create_connection', {
      connector: 'parcelo',
      customer: 'globex',
      name: 'Renewed',
      credentials: { apiKey: 'of yesterday' },
      verify: false,
    })
    const { token, id } = await setting.link({ customer: null, connection: connection.id })
    const text = await (await page(token)).text()
    expect(text).toContain('Reconnect Parcelo to Acme')
    expect((await submit(token, { 'field.apiKey': RIGHT_KEY })).status).toBe(303)
    const now = (await setting.tenant.ok('get_connection', { connection: connection.id })).connection
    expect(now).toMatchObject({ name: 'Renewed', status: 'active', verifiedAt: expect.any(String) })
    const { link } = await setting.tenant.ok('get_connect_link', { link: id })
    expect(link).toMatchObject({ status: 'completed', connectionId: connection.id })
  })
})

describe('consent', () => {
  /** Begins it as a browser would: gives the provider's address and the cookie. */
  const begin = async (token: string) => {
    const answer = await submit(token, { connector: 'hubcode', method: 'oauth', do: 'consent' })
    const text = await answer.text()
    const [, url = ''] = /class="primary" href="([^"]+)"/.exec(text) ?? []
    const cookie = answer.headers.getSetCookie()[0] ?? ''
    return { url: url.replaceAll('&#38;', '&'), cookie, pair: cookie.split(';')[0] ?? '' }
  }
  const callback = (url: string, cookie?: string) =>
    fetch(url, { redirect: 'manual', headers: cookie === undefined ? {} : { cookie } })

  test('ends on the link’s page, in the browser it was begun in', async () => {
    const { token, id } = await setting.link({ connector: 'hubcode' })
    const { url, cookie, pair } = await begin(token)
    expect(cookie).toMatch(/^patchbay_connect_\w+=.*; Path=\/;.*HttpOnly; SameSite=Lax$/)
    expect(cookie).not.toMatch(/Domain=/i)
    const back = await setting.server.consent(url)
    const answer = await callback(back, pair)
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/connect\?token=.*done=1$/),
    ])
    const { link } = await setting.tenant.ok('get_connect_link', { link: id })
    expect(link.status).toBe('completed')
    const { connection } = await setting.tenant.ok('get_connection', { connection: link.connectionId })
    expect(connection).toMatchObject({ connector: 'hubcode', customerId: setting.customerId })
    // The callback's page loaded again shows the same.
    expect((await callback(back, pair)).headers.get('location')).toContain('done=1')
  })

  test('in another browser is refused before anything is asked of the provider', async () => {
    const { token, id } = await setting.link({ connector: 'hubcode' })
    const { url, pair } = await begin(token)
    const back = await setting.server.consent(url)
    const asked = setting.server.tokenRequests.length
    for (const cookie of [undefined, pair.replace(/=.{10}/, '=0123456789')]) {
      const answer = await callback(back, cookie)
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('another browser')])
    }
    expect(setting.server.tokenRequests.length).toBe(asked)
    expect(await statusOf(id)).toBe('pending')
    expect((await callback(back, pair)).status).toBe(303)
  })

  test('that is declined says so, and the link can be used again', async () => {
    const { token, id } = await setting.link({ connector: 'hubcode' })
    const { url, pair } = await begin(token)
    const answer = await callback(await setting.server.consent(url, 'deny'), pair)
    const text = await answer.text()
    expect([answer.status, text]).toEqual([400, expect.stringContaining('You did not approve at Hubcode')])
    expect(text).toContain('Try again')
    expect(await statusOf(id)).toBe('pending')
  })

  test('begun twice from one link connects once', async () => {
    const { token } = await setting.link({ connector: 'hubcode', name: 'Twice' })
    const [first, second] = [await begin(token), await begin(token)]
    const backs = [await setting.server.consent(first.url), await setting.server.consent(second.url)]
    const before = (await setting.connections('hubcode')).length
    const answers = await Promise.all([
      callback(backs[0] ?? '', first.pair),
      callback(backs[1] ?? '', second.pair),
    ])
    expect((await setting.connections('hubcode')).length - before).toBe(1)
    expect(answers.every(({ status }) => status < 500)).toBe(true)
  })
})

describe('a page of the product’s own', () => {
  test('learns what to draw, sends the credentials, and is told the outcome', async () => {
    const { token, id } = await setting.link({ connector: 'parcelo', headless: true })
    const { body } = await api(token, 'link')
    expect(body).toMatchObject({
      id,
      status: 'pending',
      organization: { name: 'Acme' },
      customer: { name: 'Globex Corporation' },
    })
    const [key] = body.connectors[0].authMethods
    expect(key).toMatchObject({ authMethod: 'key', consent: false })
    expect(key.fields).toEqual([
      { name: 'apiKey', label: 'API key', secret: true, optional: false, description: null },
      expect.objectContaining({ name: 'account', optional: true }),
    ])
    const unsure = await api(token, 'credentials', { credentials: { apiKey: RIGHT_KEY } })
    expect([unsure.status, unsure.body.where]).toEqual([400, 'authMethod'])
    const wrong = await api(token, 'credentials', { authMethod: 'key', credentials: { apiKey: 'wrong' } })
    expect([wrong.status, wrong.body.code]).toEqual([502, 'upstream_error'])
    const right = await api(token, 'credentials', { authMethod: 'key', credentials: { apiKey: RIGHT_KEY } })
    expect(right).toMatchObject({ status: 201, body: { status: 'completed' } })
    expect((await api(token, 'status')).body).toMatchObject({
      status: 'completed',
      connectionId: right.body.connectionId,
      authorizing: false,
    })
    const again = await api(token, 'credentials', { authMethod: 'key', credentials: { apiKey: RIGHT_KEY } })
    expect([again.status, again.body.data.status]).toEqual([409, 'completed'])
  })

  test('gets the provider’s address, and the person back at its return address', async () => {
    const { token } = await setting.link({
      connector: 'hubcode',
      headless: true,
      returnUrl: 'https://app.acme.test/done',
    })
    const { status, body } = await api(token, 'oauth', {})
    expect(status).toBe(201)
    expect((await api(token, 'status')).body.authorizing).toBe(true)
    const answer = await fetch(await setting.server.consent(body.url), { redirect: 'manual' })
    const back = new URL(answer.headers.get('location') ?? '')
    expect(back.origin).toBe('https://app.acme.test')
    expect(back.searchParams.get('status')).toBe('completed')
  })

  test('takes links made for it only; the hosted page takes the others only', async () => {
    const hosted = await setting.link({ connector: 'hubcode' })
    for (const what of ['oauth', 'credentials', 'cancel']) {
      expect([what, (await api(hosted.token, what, {})).status]).toEqual([what, 403])
    }
    expect((await api(hosted.token, 'status')).status).toBe(200)
    const own = await setting.link({ connector: 'hubcode', headless: true })
    expect((await page(own.token)).status).toBe(404)
    expect((await api('nonsense', 'link')).status).toBe(401)
    expect((await api(own.token, 'nothing')).status).toBe(404)
  })

  test('may be of any origin: the token is all the authority there is', async () => {
    const asked = await fetch(`${setting.platform.url}/connect/api/credentials`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.acme.test', 'access-control-request-method': 'POST' },
    })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe('*')
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull()
  })
})

test('embed.js can be loaded from any site, and is not sent again while it is the same', async () => {
  const address = `${setting.platform.url}/connect/embed.js`
  const first = await fetch(address)
  expect(Object.fromEntries(first.headers)).toMatchObject({
    'content-type': expect.stringContaining('javascript'),
    'cross-origin-resource-policy': 'cross-origin',
  })
  const etag = first.headers.get('etag') ?? ''
  expect((await fetch(address, { headers: { 'if-none-match': etag } })).status).toBe(304)
  expect((await fetch(address, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
})

test('branding changes part by part', async () => {
  const tenant = await setting.platform.organization('Branded')
  await tenant.ok('update_organization', {
    branding: { primaryColor: '#aa3300', displayName: 'Brandeur', logoUrl: 'https://cdn.brand.test/l.png' },
  })
  await tenant.ok('update_organization', {
    branding: { displayName: null, supportUrl: 'mailto:a@brand.test' },
  })
  const { organization } = await tenant.ok('get_organization')
  expect(organization).toMatchObject({
    name: 'Branded',
    branding: {
      primaryColor: '#aa3300',
      displayName: null,
      logoUrl: 'https://cdn.brand.test/l.png',
      supportUrl: 'mailto:a@brand.test',
      privacyUrl: null,
    },
  })
  const { url } = await tenant.ok('create_connect_link', {})
  const answer = await fetch(url)
  expect(answer.headers.get('content-security-policy')).toContain("img-src 'self' https://cdn.brand.test;")
  expect(await answer.text()).toContain('/connect/assets/theme/aa3300.css')
  for (const branding of [
    { logoUrl: 'javascript:alert(1)' },
    { primaryColor: 'red;}' },
    { supportUrl: 'data:text/html,x' },
  ])
    expect((await tenant.call('update_organization', { branding })).status).toBe(400)
})
