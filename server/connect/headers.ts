import type { Response } from 'express'

/** What a page of ours may do and load. */
export interface PagePolicy {
  /** The one origin that may frame it; null: nobody. */
  openerOrigin: string | null
  /** Addresses of images on it. */
  images: readonly (string | null)[]
  /** Is the page reached over https? */
  secure: boolean
}

/** URLs take `;`, `,` and `*` in a host's name: in a policy those end a directive, or let everybody in. */
const SOURCE = /^https?:\/\/[a-z0-9._:[\]-]+$/

/** The origin of an address as a policy may name it; null for one that would say more. */
function sourceOf(url: string): string | null {
  const { origin } = new URL(url)
  return SOURCE.test(origin) ? origin : null
}

const YEAR_SECONDS = 31_536_000

/**
 * The headers of a page: its own style sheets and scripts and nothing inline; framed by the link's opener alone;
 * its address, which holds a token, told to nobody.
 */
export function setPageHeaders(res: Response, policy: PagePolicy): void {
  const images = new Set(policy.images.flatMap((url) => (url === null ? [] : (sourceOf(url) ?? []))))
  const opener = policy.openerOrigin === null ? null : sourceOf(policy.openerOrigin)
  const directives = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    `img-src 'self'${[...images].map((origin) => ` ${origin}`).join('')}`,
    "form-action 'self'",
    "base-uri 'none'",
    `frame-ancestors ${opener ?? "'none'"}`,
  ]
  res.set({
    'Content-Security-Policy': directives.join('; '),
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Robots-Tag': 'noindex, nofollow',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    // A page that opened this one is told the outcome, which takes a window that is still its own.
    'Cross-Origin-Opener-Policy': opener === null ? 'same-origin-allow-popups' : 'unsafe-none',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(policy.secure ? { 'Strict-Transport-Security': `max-age=${YEAR_SECONDS}` } : {}),
  })
  if (opener === null) res.set('X-Frame-Options', 'DENY')
  else res.removeHeader('X-Frame-Options')
}
