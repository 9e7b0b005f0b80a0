import type { RequestHandler } from 'express'
import type { Config } from '../../core/config.ts'
import { baseUrl } from './authentication.ts'
import { html } from './html.ts'
import { API_PREFIX } from './routes.ts'

/** `GET /`: where things are, as JSON, or as a page for a person's browser. */
export function frontPage(config: Pick<Config, 'publicUrl'>): RequestHandler {
  return (req, res) => {
    const base = baseUrl(req, config)
    const places = {
      mcp: `${base}/mcp`,
      api: `${base}${API_PREFIX}`,
      openapi: `${base}${API_PREFIX}/openapi.json`,
      health: `${base}/healthz`,
      readiness: `${base}/readyz`,
    }
    if (req.accepts(['json', 'html']) !== 'html') {
      res.json({ name: 'patchbay', ...places })
      return
    }
    const rows = Object.entries(places).map(
      ([name, url]) => html`<dt>${name}</dt><dd><a href="${url}">${url}</a></dd>`,
    )
    res
      .type('html')
      .send(
        html`<!doctype html><html lang="en"><title>Patchbay</title><h1>Patchbay</h1><dl>${rows}</dl></html>`
          .text,
      )
  }
}
