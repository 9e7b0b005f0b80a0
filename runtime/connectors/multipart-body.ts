import { createHash } from 'node:crypto'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'
import { fileOf } from './body-file.ts'
import { scalarText } from './encoding.ts'
import type { LoadedFile } from './input-files.ts'

interface Multipart {
  body: ActionBody
  files: ReadonlyMap<string, LoadedFile>
  /** Where a field is in the input, for errors. */
  whereOf(name: string): string
}

interface Part {
  head: string
  bytes: Uint8Array
}

/**
 * RFC 7578. The boundary is a hash of the content: the same input gives the same bytes, and content that
 * contains its own hash cannot be made. Fields without parts give no bytes: a multipart body has at least one part.
 */
export function multipartBody(
  values: JsonObject,
  form: Multipart,
): { contentType: string; body: string | Uint8Array } {
  const parts = Object.entries(values).flatMap(([name, value]) =>
    fieldsOf(name, value, form).map(([partName, item]) => part(partName, item, name, form)),
  )
  const hash = createHash('sha256')
  for (const piece of parts) hash.update(piece.head).update(piece.bytes)
  const boundary = `patchbay-${hash.digest('hex').slice(0, 40)}`
  const chunks = parts.flatMap((piece) => [
    Buffer.from(`--${boundary}\r\n${piece.head}\r\n\r\n`),
    piece.bytes,
    Buffer.from('\r\n'),
  ])
  if (parts.length > 0) chunks.push(Buffer.from(`--${boundary}--\r\n`))
  const type = (form.body.contentType.split(';')[0] ?? '').trim().toLowerCase()
  return { contentType: `${type}; boundary=${boundary}`, body: Buffer.concat(chunks) }
}

/**
 * The parts of a field: lists repeat the name, objects are one part of JSON. In brackets where the API has it so:
 * by style deepObject as `a[0]`, `a[b]` (as Stripe's library writes multipart too), by `brackets` as `a[]`, `a[b]`.
 */
function fieldsOf(name: string, value: Json, form: Multipart): [name: string, value: Json][] {
  const { style, brackets } = form.body.encoding?.[name] ?? {}
  if (style === 'deepObject' || brackets === true) {
    return bracketed(name, value, form, (index) => (brackets === true ? '' : String(index)))
  }
  return (Array.isArray(value) ? value : [value]).map((item) => [name, item])
}

function bracketed(
  name: string,
  value: Json,
  form: Multipart,
  step: (index: number) => string,
): [name: string, value: Json][] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => bracketed(`${name}[${step(index)}]`, item, form, step))
  }
  if (!isJsonObject(value) || fileOf(value, form.files, form.whereOf(name)) !== undefined)
    return [[name, value]]
  return Object.entries(value).flatMap(([key, item]) => bracketed(`${name}[${key}]`, item, form, step))
}

function part(name: string, value: Json, field: string, form: Multipart): Part {
  const declared = form.body.encoding?.[field]?.contentType?.split(',')[0]?.trim()
  const file = fileOf(value, form.files, form.whereOf(field))
  const disposition = `Content-Disposition: form-data; name="${escapeName(name)}"`
  if (file !== undefined) {
    const type =
      file.contentType ??
      (declared?.includes('*') === false ? declared : undefined) ??
      'application/octet-stream'
    return {
      head: `${disposition}; filename="${fileName(file.filename)}"\r\nContent-Type: ${type}`,
      bytes: file.bytes,
    }
  }
  const structured = typeof value === 'object' && value !== null
  const type = structured ? 'application/json' : declared
  return {
    head: type === undefined || type.includes('*') ? disposition : `${disposition}\r\nContent-Type: ${type}`,
    bytes: Buffer.from(scalarText(value)),
  }
}

/** The name alone: folders are nobody else's business, and servers that take them for folders can be led astray. */
function fileName(given: string | undefined): string {
  const name = given?.split(/[/\\]/).at(-1) ?? ''
  return escapeName(name === '' || name === '.' || name === '..' ? 'file' : name)
}

/** As the WHATWG form encoding does: a quote or line break cannot end the header. */
const escapeName = (text: string): string =>
  text.replace(/["\r\n]/g, (character) => encodeURIComponent(character))
