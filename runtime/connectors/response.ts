import type { Json } from '../../core/json.ts'
import type { HttpResponse } from '../http/client.ts'
import { isXml } from './xml/content-type.ts'

const decoder = new TextDecoder()

/**
 * What a response body is to a workflow or agent: JSON parsed; text as a string; bytes as
 * `{contentType, base64, bytes}`; null when there is none. JSON that does not parse is given as text, because
 * the answer must not be lost over its label.
 */
export function decodeBody(response: Pick<HttpResponse, 'headers' | 'body' | 'status'>): Json {
  const { body, headers } = response
  if (body.byteLength === 0 || response.status === 204) return null
  const contentType = headers['content-type'] ?? ''
  if (isBinary(contentType, body)) {
    return {
      contentType: contentType === '' ? 'application/octet-stream' : contentType,
      base64: Buffer.from(body).toString('base64'),
      bytes: body.byteLength,
    }
  }
  const text = decodeText(body, contentType)
  const essence = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const json = essence === '' ? /^\s*[[{]/.test(text) : /[/+]json$/.test(essence)
  if (!json) return text
  try {
    return JSON.parse(text) as Json
  } catch {
    // Labelled as JSON and not JSON (an HTML error page, truncated output): the text itself says more.
    return text
  }
}

function decodeText(body: Uint8Array, contentType: string): string {
  const charset =
    /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? (isXml(contentType) ? xmlEncoding(body) : undefined)
  if (charset === undefined || /^utf-?8$/i.test(charset)) return decoder.decode(body)
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    // A charset this runtime does not know: UTF-8 is the best guess.
    return decoder.decode(body)
  }
}

/** What an XML document says of itself in its first line. */
const xmlEncoding = (body: Uint8Array): string | undefined =>
  /^<\?xml[^>]*\bencoding=["']([\w-]+)/.exec(Buffer.from(body.subarray(0, 200)).toString('latin1'))?.[1]

/** Text longer than this is better kept as a file than carried through a workflow or an agent's context. */
const MAX_INLINE_TEXT_BYTES = 256 * 1024
const MAX_INLINE_JSON_BYTES = 5 * 1024 * 1024
const MAX_INLINE_XML_BYTES = 1024 * 1024

/** Is this body JSON, by its label or, without one, by how it begins? */
export function isJsonBody({ body, headers }: Pick<HttpResponse, 'headers' | 'body'>): boolean {
  const contentType = headers['content-type'] ?? ''
  return contentType === '' ? body[0] === 0x7b || body[0] === 0x5b : /[/+]json\b/i.test(contentType)
}

/**
 * Is this body one to keep as a file: bytes of any size, text over 256 KB, XML over 1 MB, JSON over 5 MB?
 * @param readsXml it is XML that is read as the value it stands for
 */
export function isFileBody(
  response: Pick<HttpResponse, 'headers' | 'body' | 'status'>,
  readsXml = false,
): boolean {
  const { body, headers } = response
  if (body.byteLength === 0) return false
  const contentType = headers['content-type'] ?? ''
  if (isBinary(contentType, body)) return true
  if (isJsonBody(response)) return body.byteLength > MAX_INLINE_JSON_BYTES
  return body.byteLength > (readsXml ? MAX_INLINE_XML_BYTES : MAX_INLINE_TEXT_BYTES)
}

const TEXTUAL = /^text\/|[/+](json|xml|yaml)\b|javascript|x-www-form-urlencoded|graphql|ndjson|jsonl|csv/i

/** Is this content type text that can be shown and searched? */
export const isTextual = (contentType: string): boolean => TEXTUAL.test(contentType)

function isBinary(contentType: string, body: Uint8Array): boolean {
  if (contentType !== '') return !isTextual(contentType)
  return body.subarray(0, 512).includes(0)
}
