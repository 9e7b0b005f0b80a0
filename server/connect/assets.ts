import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type express from 'express'
import { textOn, themeCss } from './colors.ts'

const DAY_SECONDS = 86_400
const YEAR_SECONDS = 31_536_000
const ASSETS_PATH = '/connect/assets'

interface Asset {
  content: string
  etag: string
  /** Stands in the address, so that a browser may keep it for ever. */
  version: string
}

function load(name: string): Asset {
  const content = readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8')
  const hash = createHash('sha256').update(content).digest('base64url')
  return { content, etag: `"${hash.slice(0, 27)}"`, version: hash.slice(0, 10) }
}

const style = load('connect.css')
const script = load('connect.js')
const embed = load('embed.js')

/** Where the page finds what it loads and sends. */
export interface AssetUrls {
  page: string
  style: string
  script: string
  status: string
  theme(color: string): string
  icon(color: string): string
}

/** @param publicUrl the address browsers reach this server at; it may have a path of its own */
export function assetUrls(publicUrl: string): AssetUrls {
  const base = new URL(publicUrl).pathname.replace(/\/$/, '')
  return {
    page: `${base}/connect`,
    style: `${base}${ASSETS_PATH}/connect.css?v=${style.version}`,
    script: `${base}${ASSETS_PATH}/connect.js?v=${script.version}`,
    status: `${base}/connect/api/status`,
    icon: (color) => `${base}${ASSETS_PATH}/icon/${color.slice(1).toLowerCase()}.svg`,
    theme: (color) => `${base}${ASSETS_PATH}/theme/${color.slice(1).toLowerCase()}.css`,
  }
}

/**
 * The page's style sheets and script, kept by browsers for ever under their version; and `embed.js`, which
 * products load from one address, so browsers ask for it anew each day and get a 304 while it is the same.
 */
export function mountAssets(app: express.Express): void {
  serve(app, `${ASSETS_PATH}/connect.css`, 'text/css', style, YEAR_SECONDS)
  serve(app, `${ASSETS_PATH}/connect.js`, 'text/javascript', script, YEAR_SECONDS)
  for (const path of ['/connect/embed.js', '/connect/v1/embed.js']) {
    serve(app, path, 'text/javascript', embed, DAY_SECONDS, true)
  }
  serveColored(app, 'theme', 'css', themeCss)
  serveColored(app, 'icon', 'svg', iconSvg)
}

const iconSvg = (color: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="${color}"/><g fill="none" stroke="${textOn(color)}" stroke-width="3" stroke-linecap="round"><path d="M10 20v-6a4 4 0 0 1 4-4h8M22 12v6a4 4 0 0 1-4 4h-8"/></g></svg>\n`

/** What differs by an organization's colour, which stands in the address: a style sheet may not stand in the page. */
function serveColored(
  app: express.Express,
  name: string,
  ending: string,
  contentOf: (color: string) => string,
): void {
  app.get(`${ASSETS_PATH}/${name}/:file`, (req, res, next) => {
    const color = /^([0-9a-f]{6})\.(\w+)$/.exec(String(req.params.file))
    if (color?.[2] !== ending) {
      next()
      return
    }
    res
      .set('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`)
      .type(ending)
      .send(contentOf(`#${color[1]}`))
  })
}

function serve(
  app: express.Express,
  path: string,
  type: string,
  asset: Asset,
  maxAge: number,
  everywhere = false,
): void {
  app.get(path, (req, res) => {
    res.set({
      ETag: asset.etag,
      'Cache-Control': `public, max-age=${maxAge}${everywhere ? '' : ', immutable'}`,
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': everywhere ? 'cross-origin' : 'same-origin',
      ...(everywhere ? { 'Access-Control-Allow-Origin': '*' } : {}),
    })
    if (req.get('if-none-match')?.includes(asset.etag)) {
      res.status(304).end()
      return
    }
    res.type(type).send(asset.content)
  })
}
