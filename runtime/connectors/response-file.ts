import { parse } from 'content-disposition'
import type { HttpResponse } from '../http/client.ts'

/** A stored file as values refer to it. */
export interface FileReference {
  /** Id of the file. */
  file: string
  name: string
  contentType: string
  /** Size. */
  bytes: number
}

const MAX_NAME_CHARS = 200

/** What a response body that is kept as a file is called: by Content-Disposition, else the end of its address. */
export function responseFileName(response: Pick<HttpResponse, 'headers' | 'url'>): string {
  const disposition = response.headers['content-disposition']
  const given = disposition === undefined ? undefined : fileNameIn(disposition)
  return safeFileName(given ?? decoded(URL.parse(response.url)?.pathname ?? ''))
}

function fileNameIn(disposition: string): string | undefined {
  try {
    return parse(disposition.slice(0, 2_000)).parameters.filename
  } catch {
    // A header that is not well formed: the address names the file as well.
    return undefined
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Characters that end a line, hide what a name is, or mean something to a shell or file system. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff"*:<>?|]/g

/**
 * A file name that is one, and nothing else: the part after the last slash or backslash, without control and
 * direction characters, leading dots and characters no file system takes. Never empty.
 */
export function safeFileName(text: string): string {
  const base = text.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const plain = base.replace(UNSAFE, '').replace(/^[.\s]+|[.\s]+$/g, '')
  if (plain.length <= MAX_NAME_CHARS) return plain === '' ? 'file' : plain
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(plain)?.[0] ?? ''
  return `${plain.slice(0, MAX_NAME_CHARS - extension.length).toWellFormed()}${extension}`
}

/** A content type that can stand in a header: `application/octet-stream` for anything else. */
export function safeContentType(text: string | undefined): string {
  const type = (text ?? '').trim().slice(0, 200)
  return /^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w-]+=("[\w .+/:-]*"|[\w.+-]+))*$/.test(type)
    ? type
    : 'application/octet-stream'
}
