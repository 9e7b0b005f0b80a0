import { createHash } from 'node:crypto'
import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'
import { scalarText } from './encoding.ts'
import type { LoadedFile } from './input-files.ts'
import { serializeQuery } from './serialize-parameter.ts'

export interface SerializedBody {
  contentType: string
  body: string | Uint8Array
}

const NO_FILES: ReadonlyMap<string, LoadedFile> = new Map()

const essence = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

/**
 * The body as it is sent: JSON, form-urlencoded, multipart, or text and bytes as they are.
 * @throws AppError `invalid_input` when the value cannot be put into a body of that type.
 */
export function serializeBody(
  body: ActionBody,
  value: Json,
  files: ReadonlyMap<string, LoadedFile> = NO_FILES,
): SerializedBody {
  const type = essence(body.contentType)
  if (type === 'application/json' || type.endsWith('+json')) {
    return { contentType: body.contentType, body: JSON.stringify(value) }
  }
  if (type === 'application/x-www-form-urlencoded') {
    if (typeof value === 'string') return { contentType: body.contentType, body: value }
    return { contentType: body.contentType, body: formBody(fields(value, body), body) }
  }
  if (type.startsWith('multipart/')) return multipartBody(fields(value, body), body, files)
  const file = fileOf(value, files)
  if (file !== undefined) return { contentType: typeOfWhole(file, value, body.contentType), body: file.bytes }
  return { contentType: body.contentType, body: scalarText(value) }
}

function fields(value: Json, body: ActionBody): JsonObject {
  if (isJsonObject(value)) return value
  throw invalidInput(`The body of type ${body.contentType} must be an object of fields.`, {
    where: `input.${body.inputKey ?? 'body'}`,
    hint: 'Give an object whose keys are the names of the form fields.',
  })
}

/**
 * Form fields. Without an encoding, arrays repeat the name and objects are sent as JSON (OpenAPI 3.0.4, 4.8.15);
 * null is an empty value, which is how form APIs unset a field.
 */
function formBody(values: JsonObject, body: ActionBody): string {
  return Object.entries(values)
    .flatMap(([name, value]) => {
      const encoding = body.encoding?.[name]
      const styled = encoding?.style !== undefined || encoding?.explode !== undefined
      const style = encoding?.style ?? 'form'
      const asJson =
        !styled &&
        (encoding?.contentType?.includes('json') === true || (isJsonObject(value) && style === 'form'))
      return serializeQuery(
        {
          name,
          style,
          explode: encoding?.explode ?? (style === 'form' || style === 'deepObject'),
          ...(encoding?.allowReserved === undefined ? {} : { allowReserved: encoding.allowReserved }),
          ...(asJson ? { contentType: 'application/json' } : {}),
        },
        value,
      )
    })
    .join('&')
}

/** The type that the API declares, unless that leaves it open (`image/*`) or the caller names one himself. */
function typeOfWhole(file: FileValue, value: Json, declared: string): string {
  const named = isJsonObject(value) && typeof value.contentType === 'string'
  return file.contentType !== undefined && (named || declared.includes('*')) ? file.contentType : declared
}

interface FileValue {
  bytes: Uint8Array
  filename?: string
  contentType?: string
}

/** `{base64, filename?, contentType?}` or `{file, filename?, contentType?}`: how an input holds bytes. */
function fileOf(value: Json, files: ReadonlyMap<string, LoadedFile>): FileValue | undefined {
  if (!isJsonObject(value)) return undefined
  const { base64, filename, contentType } = value
  const kept = typeof value.file === 'string' ? files.get(value.file) : undefined
  if (kept === undefined && typeof base64 !== 'string') return undefined
  return {
    bytes: kept?.bytes ?? Buffer.from(String(base64), 'base64'),
    ...(kept === undefined ? {} : { filename: kept.name, contentType: kept.contentType }),
    ...(typeof filename === 'string' ? { filename } : {}),
    ...(typeof contentType === 'string' ? { contentType: contentType.replace(/[\r\n]/g, '') } : {}),
  }
}

/**
 * RFC 7578. The boundary is a hash of the content: the same input gives the same bytes, and content that
 * contains its own hash cannot be made.
 */
function multipartBody(
  values: JsonObject,
  body: ActionBody,
  files: ReadonlyMap<string, LoadedFile>,
): SerializedBody {
  const parts = Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item) => part(name, item, body, files)),
  )
  const hash = createHash('sha256')
  for (const piece of parts) hash.update(piece.head).update(piece.bytes)
  const boundary = `patchbay-${hash.digest('hex').slice(0, 40)}`
  const chunks = parts.flatMap((piece) => [
    Buffer.from(`--${boundary}\r\n${piece.head}\r\n\r\n`),
    piece.bytes,
    Buffer.from('\r\n'),
  ])
  chunks.push(Buffer.from(`--${boundary}--\r\n`))
  return { contentType: `${essence(body.contentType)}; boundary=${boundary}`, body: Buffer.concat(chunks) }
}

function part(
  name: string,
  value: Json,
  body: ActionBody,
  files: ReadonlyMap<string, LoadedFile>,
): { head: string; bytes: Uint8Array } {
  const declared = body.encoding?.[name]?.contentType?.split(',')[0]?.trim()
  const file = fileOf(value, files)
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
