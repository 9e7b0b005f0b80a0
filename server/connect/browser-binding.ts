import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Display } from './layout.ts'

const LIFETIME_MS = 15 * 60_000

/** What the browser that went to the provider brings back, besides the state. */
export interface Bound {
  token: string
  display: Display
}

const hashOf = (state: string) => createHash('sha256').update(`patchbay connect ${state}`).digest('hex')
const nameOf = (state: string, secure: boolean) =>
  `${secure ? '__Host-' : ''}patchbay_connect_${hashOf(state).slice(0, 12)}`

/**
 * Ties an authorization to the browser it was begun in. Without, somebody could send the provider's address of
 * their own link to another person, whose account would be connected for them. A cookie of this host alone, that no
 * script reads and no other site's request carries, but for the provider's sending the person back.
 */
export function bindBrowser(res: Response, state: string, { token, display }: Bound, secure: boolean): void {
  res.cookie(nameOf(state, secure), `${hashOf(state)}.${display}.${token}`, {
    httpOnly: true,
    sameSite: 'lax',
    secure,
    path: '/',
    maxAge: LIFETIME_MS,
  })
}

/** Undefined: this browser did not begin the authorization. */
export function boundBrowser(req: Request, state: string, secure: boolean): Bound | undefined {
  const wanted = nameOf(state, secure)
  const pair = (req.headers.cookie ?? '').split('; ').find((cookie) => cookie.startsWith(`${wanted}=`))
  const [hash = '', display = '', token = ''] = (pair?.slice(wanted.length + 1) ?? '').split('.')
  const [given, expected] = [Buffer.from(hash), Buffer.from(hashOf(state))]
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  return { token, display: displayOf(display) }
}

export function releaseBrowser(res: Response, state: string, secure: boolean): void {
  res.clearCookie(nameOf(state, secure), { httpOnly: true, sameSite: 'lax', secure, path: '/' })
}

export const displayOf = (text: unknown): Display =>
  text === 'embed' || text === 'popup' || text === 'consent' ? text : 'page'
