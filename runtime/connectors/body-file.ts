import { MIMEType } from 'node:util'
import { type AppError, invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import type { LoadedFile } from './input-files.ts'

export interface FileValue {
  bytes: Uint8Array
  filename?: string
  contentType?: string
}

/**
 * `{base64, filename?, contentType?}` or `{file, filename?, contentType?}`: how an input holds bytes.
 * @param where the value is in the input, for errors
 * @returns undefined for a value that holds none
 * @throws AppError `invalid_input` for text that is no base64, which would be sent as garbage or not at all, and for
 *   a content type that is none
 */
export function fileOf(
  value: Json,
  files: ReadonlyMap<string, LoadedFile>,
  where: string,
): FileValue | undefined {
  if (!isJsonObject(value)) return undefined
  const { base64, filename, contentType } = value
  const kept = typeof value.file === 'string' ? files.get(value.file) : undefined
  if (kept === undefined && typeof base64 !== 'string') return undefined
  return {
    bytes: kept?.bytes ?? decode(String(base64), `${where}.base64`),
    ...(kept === undefined ? {} : { filename: kept.name, contentType: kept.contentType }),
    ...(typeof filename === 'string' ? { filename } : {}),
    ...(typeof contentType === 'string'
      ? { contentType: mediaType(contentType, `${where}.contentType`) }
      : {}),
  }
}

/** Of either alphabet (RFC 4648), in one line or many, with or without padding. */
function decode(base64: string, where: string): Uint8Array {
  const text = base64.replace(/[\t\n\r ]+/g, '')
  const digits = text.replace(/={1,2}$/, '')
  if (/[^A-Za-z0-9+/_-]/.test(digits) || digits.length % 4 === 1) throw notBase64(where)
  return Buffer.from(digits, 'base64')
}

const notBase64 = (where: string): AppError =>
  invalidInput(`${where} is not base64.`, {
    where,
    hint: "Encode the file's bytes in base64, without a prefix such as 'data:…;base64,'; to send text, give the text itself in place of the object.",
  })

function mediaType(text: string, where: string): string {
  try {
    return new MIMEType(text).toString() // without line breaks, which could add a header
  } catch (cause) {
    throw invalidInput(`${where} is not a content type: ${JSON.stringify(text.slice(0, 100))}.`, {
      where,
      hint: "Give one such as 'image/png', or leave it out.",
      cause,
    })
  }
}
