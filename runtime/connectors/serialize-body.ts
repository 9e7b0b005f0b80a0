import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'
import { type FileValue, fileOf } from './body-file.ts'
import { scalarText } from './encoding.ts'
import type { LoadedFile } from './input-files.ts'
import { multipartBody } from './multipart-body.ts'
import { serializeQuery } from './serialize-parameter.ts'
import { isXml } from './xml/content-type.ts'
import { type BodyDescription, xmlBody } from './xml/xml-body.ts'

export interface SerializedBody {
  contentType: string
  body: string | Uint8Array
}

/** What a body is made of besides its value. */
export interface BodyContext {
  /** The stored files that the value refers to, by id. */
  files?: ReadonlyMap<string, LoadedFile>
  /** What a body of XML is built by. */
  description?: BodyDescription
}

const NO_FILES: ReadonlyMap<string, LoadedFile> = new Map()

const essence = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

/**
 * The body as it is sent: JSON, form-urlencoded, multipart, XML, or text and bytes as they are. It may have no bytes.
 * @throws AppError `invalid_input` when the value cannot be put into a body of that type.
 */
export function serializeBody(
  body: ActionBody,
  value: Json,
  { files = NO_FILES, description }: BodyContext = {},
): SerializedBody {
  const type = essence(body.contentType)
  if (type === 'application/json' || type.endsWith('+json')) {
    return { contentType: body.contentType, body: JSON.stringify(value) }
  }
  const keys = new Map(Object.entries(body.properties ?? {}).map(([key, property]) => [property, key]))
  const keyOf = (name: string) => keys.get(name) ?? name
  if (body.xml !== undefined && description !== undefined && isXml(type)) {
    return { contentType: body.contentType, body: xmlBody(body, body.xml, value, description) }
  }
  const whereOf = (name: string) =>
    body.mode === 'whole' ? `input.${body.inputKey ?? 'body'}.${name}` : `input.${keyOf(name)}`
  if (type === 'application/x-www-form-urlencoded') {
    if (typeof value === 'string') return { contentType: body.contentType, body: value }
    const pairs = Object.entries(fields(value, body)).flatMap(([name, field]) => formPairs(name, field, body))
    return { contentType: body.contentType, body: pairs.join('&') }
  }
  if (type.startsWith('multipart/')) {
    return multipartBody(fields(value, body), { body, files, whereOf })
  }
  const file = fileOf(value, files, `input.${body.inputKey ?? 'body'}`)
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
 * A form field as `name=value` pairs. Without an encoding, arrays repeat the name and objects are sent as JSON
 * (OpenAPI 3.0.4, 4.8.15); null is an empty value, which is how form APIs unset a field.
 */
function formPairs(name: string, value: Json, body: ActionBody): string[] {
  const encoding = body.encoding?.[name]
  const styled = encoding?.style !== undefined || encoding?.explode !== undefined
  const style = encoding?.style ?? 'form'
  const asJson =
    !styled && (encoding?.contentType?.includes('json') === true || (isJsonObject(value) && style === 'form'))
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
}

/** The type that the API declares, unless that leaves it open (`image/*`) or the caller names one himself. */
function typeOfWhole(file: FileValue, value: Json, declared: string): string {
  const named = isJsonObject(value) && typeof value.contentType === 'string'
  return file.contentType !== undefined && (named || declared.includes('*')) ? file.contentType : declared
}
