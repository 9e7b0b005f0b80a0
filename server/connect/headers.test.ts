import type { Response } from 'express'
import { expect, test } from 'vitest'
import { setPageHeaders } from './headers.ts'

function headersOf(policy: Parameters<typeof setPageHeaders>[1]): Record<string, string> {
  const headers: Record<string, string> = { 'X-Frame-Options': 'DENY' }
  setPageHeaders(
    {
      set: (name: string | object, value?: string) =>
        Object.assign(headers, typeof name === 'string' ? { [name]: value } : name),
      removeHeader: (name: string) => delete headers[name],
    } as unknown as Response,
    policy,
  )
  return headers
}

test('over https a browser is told to stay with it; over http it is not', () => {
  const policy = { openerOrigin: null, images: [] }
  expect(headersOf({ ...policy, secure: true })['Strict-Transport-Security']).toMatch(/^max-age=\d{8}$/)
  expect(headersOf({ ...policy, secure: false })['Strict-Transport-Security']).toBeUndefined()
})

test('images come from the addresses of logos and icons only', () => {
  const headers = headersOf({
    openerOrigin: 'https://app.test',
    images: ['https://a.test/logo.png', null, 'https://a.test/other.png', 'https://b.test/i.svg'],
    secure: true,
  })
  expect(headers['Content-Security-Policy']).toContain("img-src 'self' https://a.test https://b.test;")
  expect(headers['X-Frame-Options']).toBeUndefined()
})

test('no address adds a directive: an icon an imported description names cannot let a site frame the page', () => {
  const images = [
    'https://x;frame-ancestors/i.png',
    'https://evil.test/i.png',
    'https://*/i.png',
    'https://a,b/',
  ]
  const policy = headersOf({ openerOrigin: null, images, secure: true })['Content-Security-Policy']
  expect(policy?.split('; ').filter((directive) => directive.includes('frame-ancestors'))).toEqual([
    "frame-ancestors 'none'",
  ])
  expect(policy).toContain("img-src 'self' https://evil.test;")
  const framed = headersOf({ openerOrigin: 'https://*', images: [], secure: true })
  expect(framed['Content-Security-Policy']).toContain("frame-ancestors 'none'")
  expect(framed['X-Frame-Options']).toBe('DENY')
})
