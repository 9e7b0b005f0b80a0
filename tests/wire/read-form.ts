import { parseMultipart } from '@remix-run/multipart-parser'
import { parse as parseQuery } from 'qs'

/**
 * What a form says, read by parsers that are none of ours and know nothing of the description: qs reads nested names
 * as servers of Rack, PHP and Express do, and the multipart parser tells the parts apart. Prism's own reading of forms
 * has one value for a name, breaks on quotes and backslashes, and makes up objects that were not sent.
 * @returns undefined for a body that is no form
 */
export function readForm(
  contentType: string,
  body: string | Uint8Array,
): Record<string, unknown> | undefined {
  const [essence = '', ...parameters] = contentType.split(';').map((text) => text.trim())
  if (essence === 'application/x-www-form-urlencoded') return nested(String(body))
  if (!essence.startsWith('multipart/')) return undefined
  const boundary = parameters.find((text) => text.startsWith('boundary='))?.slice('boundary='.length) ?? ''
  // Names and values as one query, so that brackets mean the same in both kinds of form.
  const values: unknown[] = []
  const pairs = [...parseMultipart(Buffer.from(body), { boundary })].map((part) => {
    values.push(part.mediaType === 'application/json' ? JSON.parse(part.text) : part.text)
    return `${encodeURIComponent(part.name ?? '')}=${values.length - 1}`
  })
  return replaced(nested(pairs.join('&')), (text) => values[Number(text)]) as Record<string, unknown>
}

const nested = (text: string): Record<string, unknown> =>
  parseQuery(text, { depth: 20, arrayLimit: 1_000, parameterLimit: 10_000 })

function replaced(value: unknown, put: (text: string) => unknown): unknown {
  if (typeof value === 'string') return put(value)
  if (Array.isArray(value)) return value.map((item) => replaced(item, put))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, put)]))
}
