import { existsSync } from 'node:fs'
import axe, { type AxeResults } from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Frame, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../setup/platform.ts'
import { openSetting, RIGHT_KEY, type Setting, serveProduct } from './setting.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const PHONE = { width: 375, height: 700 }

/** Scripts as text: the types of a browser are not those of the rest of the project. */
const run = <T>(where: Page | Frame, script: string) => where.evaluate(script) as Promise<T>

describe.skipIf(CHROMIUM === undefined)('the connect page in a browser (needs Chromium)', () => {
  let setting: Setting
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let product: Awaited<ReturnType<typeof serveProduct>>
  /** What a browser complained of: a policy that was broken, a script that failed. */
  let complaints: string[]

  beforeAll(async () => {
    setting = await openSetting()
    await setting.tenant.ok('update_organization', {
      branding: {
        primaryColor: '#f5b301',
        supportUrl: 'https://acme.test/help',
        privacyUrl: 'https://acme.test/p',
      },
    })
    product = await serveProduct(setting.platform.url)
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await product?.close()
    await setting?.close()
  })
  beforeEach(async () => {
    context = await browser.newContext()
    complaints = []
    context.on('weberror', (error) => complaints.push(error.error().message))
    context.on('console', (message) => {
      const text = message.text()
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) complaints.push(text)
    })
    page = await context.newPage()
  })
  afterEach(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })

  const linkOf = async (id: string) => (await setting.tenant.ok('get_connect_link', { link: id })).link
  /** WCAG 2.2 AA and best practices, as axe knows them; gives what is wrong. */
  const violations = async (where: Page | Frame = page): Promise<string[]> => {
    await where.evaluate(axe.source)
    const found = await run<AxeResults>(where, `axe.run(document, {runOnly: ${JSON.stringify(RULES)}})`)
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  }
  const fitsIn = (where: Page | Frame = page) =>
    run<boolean>(where, 'document.documentElement.scrollWidth <= document.documentElement.clientWidth')
  const focusedId = () => run<string>(page, 'document.activeElement?.id')
  /** Signs in and consents on the provider's own pages. */
  const consentOn = async (at: Page) => {
    await at.waitForURL((url) => url.href.startsWith(setting.server.url))
    await at.fill('input[name=login]', 'ann')
    await at.fill('input[name=password]', 'secret')
    await at.click('button[type=submit]')
    await at.waitForSelector('text=Authorize')
    await at.click('button[type=submit]')
  }

  test('a person chooses an app and a way, corrects a wrong key, and is connected; every page is accessible', async () => {
    const { url, id } = await setting.link({ returnUrl: `${product.origin}/settings` })
    await page.goto(url)
    expect(await page.title()).toBe('Connect an app · Acme')
    expect(await violations()).toEqual([])
    await page.click('text=Parcelo')
    await page.waitForSelector('text=How do you want to connect?')
    expect(await violations()).toEqual([])
    await page.click('.option:has-text("API key")')
    await page.waitForSelector('#field-apiKey')
    expect(await violations()).toEqual([])

    await page.fill('#field-apiKey', 'wrong')
    await page.click('.primary')
    await page.waitForSelector('text=No such API key')
    expect(await focusedId()).toBe('summary')
    expect(await violations()).toEqual([])
    await page.click('#summary a')
    expect(await focusedId()).toBe('field-apiKey')
    await page.fill('#field-apiKey', RIGHT_KEY)
    await page.click('text=Show')
    expect(await page.getAttribute('#field-apiKey', 'type')).toBe('text')
    await page.click('.primary')
    await page.waitForSelector('text=Parcelo is connected')
    expect(await violations()).toEqual([])
    expect((await linkOf(id)).status).toBe('completed')

    await page.click('text=Return to Acme')
    await page.waitForURL(/settings/)
    expect(new URL(page.url()).searchParams.get('connect_link')).toBe(id)
    await page.goto(url)
    expect(await page.textContent('h1')).toBe('This link was used already')
    expect(await violations()).toEqual([])
  })

  test('with the keyboard alone', async () => {
    await page.goto((await setting.link({ connector: 'parcelo' })).url)
    const focused = () => run<string>(page, 'document.activeElement?.textContent?.trim().slice(0, 30)')
    await page.keyboard.press('Tab')
    expect(await focused()).toContain('API key')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#field-apiKey')
    await eventually(async () => (await focusedId()) === 'field-apiKey')
    await page.keyboard.type(RIGHT_KEY)
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Show')
    const outline = await run<string>(page, 'getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=Parcelo is connected')
    expect(await focusedId()).toBe('outcome')
  })

  test('by consent: to the provider, and back to the page', async () => {
    const { url, id } = await setting.link({ connector: 'hubcode' })
    await page.goto(url)
    expect(await page.textContent('.scopes')).toContain('Read your repositories and issues')
    expect(await violations()).toEqual([])
    await page.click('text=Continue to Hubcode')
    await consentOn(page)
    await page.waitForSelector('text=Hubcode is connected')
    expect(new URL(page.url()).origin).toBe(setting.platform.url)
    expect((await linkOf(id)).status).toBe('completed')
    await page.reload()
    expect(await page.textContent('h1')).toBe('Hubcode is connected')
  })

  test('declined consent can be tried again', async () => {
    await page.goto((await setting.link({ connector: 'hubcode' })).url)
    await page.click('text=Continue to Hubcode')
    await page.waitForURL((url) => url.href.startsWith(setting.server.url))
    await page.click('text=Cancel')
    await page.waitForSelector('text=Hubcode was not connected')
    expect(await violations()).toEqual([])
    await page.click('text=Try again')
    await page.click('text=Continue to Hubcode')
    await consentOn(page)
    await page.waitForSelector('text=Hubcode is connected')
  })

  test('without JavaScript', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const bare = await plain.newPage()
    await bare.goto((await setting.link()).url)
    await bare.click('text=Parcelo')
    await bare.click('.option:has-text("API key")')
    await bare.fill('#field-apiKey', 'wrong')
    await bare.click('.primary')
    expect(await bare.textContent('#summary')).toContain('No such API key')
    await bare.fill('#field-apiKey', RIGHT_KEY)
    await bare.click('.primary')
    expect(await bare.textContent('h1')).toBe('Parcelo is connected')
    await bare.goto((await setting.link({ connector: 'hubcode' })).url)
    await bare.click('text=Continue to Hubcode')
    await consentOn(bare)
    expect(await bare.textContent('h1')).toBe('Hubcode is connected')
    await plain.close()
  })

  test('on a phone nothing is cut off, and what is tapped is large enough', async () => {
    await page.setViewportSize(PHONE)
    const links = [
      await setting.link(),
      await setting.link({ connector: 'parcelo' }),
      await setting.link({ connector: 'parcelo', authMethod: 'key' }),
      await setting.link({ connector: 'hubcode' }),
    ]
    for (const { url } of links) {
      await page.goto(url)
      expect(await fitsIn()).toBe(true)
      const tapped = await page.locator('.primary, .option, input:not([type=hidden]), .quiet').all()
      const heights = await Promise.all(tapped.map(async (one) => (await one.boundingBox())?.height ?? 44))
      expect(Math.min(...heights)).toBeGreaterThanOrEqual(44)
      expect(await violations()).toEqual([])
    }
  })

  test('links that cannot be used say so, accessibly', async () => {
    const cancelled = await setting.link({ connector: 'parcelo', authMethod: 'key' })
    await page.goto(cancelled.url)
    await page.click('text=Cancel')
    await page.waitForSelector('text=Nothing was connected')
    expect(await violations()).toEqual([])
    const expired = await setting.link()
    await setting.platform.platform.db.tenant(
      { organizationId: setting.tenant.organizationId, customerIds: null },
      (tx) => tx.run('UPDATE connect_links SET expires_at = now() WHERE id = $1', [expired.id]),
    )
    await page.goto(expired.url)
    expect(await page.textContent('h1')).toBe('This link has expired')
    expect(await violations()).toEqual([])
    await page.goto(`${setting.platform.url}/connect?token=unknown`)
    expect(await page.textContent('h1')).toBe('This link does not work')
    expect(await violations()).toEqual([])
  })

  describe('in a product’s page of another site', () => {
    const openIn = async (settings: object, mode = '') => {
      const link = await setting.link({ openerOrigin: product.origin, ...settings })
      await page.goto(`${product.origin}/?url=${encodeURIComponent(link.url)}${mode}`)
      return link
    }
    const frameOf = async (): Promise<Frame> => {
      const frame = await (await page.waitForSelector('iframe')).contentFrame()
      if (frame === null) throw new Error('no frame')
      return frame
    }
    const outcome = async () => {
      await page.waitForFunction("document.getElementById('outcome')?.textContent !== ''")
      return JSON.parse((await page.textContent('#outcome')) ?? '') as Record<string, string>
    }

    test('in a frame over it, with a key: the product is told', async () => {
      const { id } = await openIn({ connector: 'parcelo', authMethod: 'key' })
      await page.click('#go')
      const frame = await frameOf()
      await frame.waitForSelector('#field-apiKey')
      expect(await violations(frame)).toEqual([])
      expect(await violations()).not.toContainEqual(expect.stringMatching(/dialog|frame-title|button-name/))
      await frame.fill('#field-apiKey', RIGHT_KEY)
      await frame.click('.primary')
      await frame.waitForSelector('text=Parcelo is connected')
      const { connectionId } = await linkOf(id)
      expect(await outcome()).toEqual({ status: 'connected', connection: connectionId, link: id })
      expect(await page.locator('dialog').count()).toBe(0)
      expect(await focusedId()).toBe('go')
    })

    test('in a frame over it, by consent in a window beside', async () => {
      const { id } = await openIn({ connector: 'hubcode' })
      await page.click('#go')
      const frame = await frameOf()
      await frame.waitForSelector('text=Continue to Hubcode')
      const [beside] = await Promise.all([
        context.waitForEvent('page'),
        frame.click('text=Continue to Hubcode'),
      ])
      await consentOn(beside)
      await frame.waitForSelector('text=Hubcode is connected')
      expect(await outcome()).toMatchObject({ status: 'connected', link: id })
      await eventually(async () => beside.isClosed())
    })

    test('in a window of its own', async () => {
      const { id } = await openIn({ connector: 'hubcode' }, '&mode=popup')
      const [popup] = await Promise.all([context.waitForEvent('page'), page.click('#go')])
      await popup.click('text=Continue to Hubcode')
      await consentOn(popup)
      expect(await outcome()).toMatchObject({ status: 'connected', link: id })
    })

    test('Escape closes it from within, the link stays; a closed window counts as cancelled', async () => {
      const { id } = await openIn({ connector: 'parcelo', authMethod: 'key' })
      await page.click('#go')
      const frame = await frameOf()
      await frame.focus('#field-apiKey')
      await eventually(async () => {
        // Not waited for: the frame goes away under the key, and DevTools may never say that it was released.
        page.keyboard.press('Escape').catch(() => undefined)
        await new Promise((next) => setTimeout(next, 200))
        return (await page.locator('dialog').count()) === 0
      })
      expect(await outcome()).toEqual({ status: 'cancelled' })
      expect((await linkOf(id)).status).toBe('pending')

      await openIn({ connector: 'parcelo' }, '&mode=popup')
      const [popup] = await Promise.all([context.waitForEvent('page'), page.click('#go')])
      await popup.waitForSelector('h1')
      await popup.close()
      expect(await outcome()).toEqual({ status: 'cancelled' })
    })

    test('a page of another origin than the link’s opener cannot frame it, and hears nothing', async () => {
      const link = await setting.link({ connector: 'parcelo', openerOrigin: 'https://elsewhere.test' })
      await page.goto(`${product.origin}/?url=${encodeURIComponent(link.url)}`)
      await run(page, "globalThis.heard = 0; addEventListener('message', () => { heard += 1 })")
      await page.click('#go')
      const frame = await frameOf()
      await eventually(async () => complaints.some((text) => text.includes('frame-ancestors')))
      expect(await frame.locator('.card').count()).toBe(0)
      expect(await run(page, 'heard')).toBe(0)
      complaints.length = 0
    })
  })
})
