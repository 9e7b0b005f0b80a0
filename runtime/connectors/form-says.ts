import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { ActionBody } from './action-definition.ts'

type FormBody = Pick<ActionBody, 'contentType' | 'mode' | 'inputKey' | 'properties' | 'encoding'>

/**
 * The input as a form says it: a list or object with nothing in it has no name to be sent by, and is not there.
 * @returns the input itself where nothing is lost, which is so for all other bodies
 */
export function asFormSays(body: FormBody | undefined, input: JsonObject): JsonObject {
  const type = (body?.contentType.split(';')[0] ?? '').trim().toLowerCase()
  const isMultipart = type.startsWith('multipart/')
  if (body === undefined || !(isMultipart || type === 'application/x-www-form-urlencoded')) return input
  const field = (name: string, value: Json): Json | undefined => {
    const encoding = body.encoding?.[name]
    if (encoding?.style === 'deepObject' || (isMultipart && encoding?.brackets === true)) return filled(value)
    const pieces = encoding?.style !== undefined || encoding?.explode !== undefined
    const inPieces = Array.isArray(value) || (!isMultipart && pieces)
    return inPieces && isEmpty(value) ? undefined : value
  }
  if (body.mode === 'merge') return each(input, (key, value) => field(nameOf(body, key), value))
  const key = body.inputKey ?? 'body'
  const whole = Object.hasOwn(input, key) ? input[key] : undefined
  if (!isJsonObject(whole)) return input
  const said = each(whole, field)
  return said === whole ? input : { ...input, [key]: said }
}

const nameOf = ({ properties = {} }: FormBody, key: string): string =>
  (Object.hasOwn(properties, key) ? properties[key] : undefined) ?? key

const isEmpty = (value: Json): boolean =>
  Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0

/** The value without what is empty, at any depth. */
function filled(value: Json): Json | undefined {
  if (isEmpty(value)) return undefined
  if (isJsonObject(value)) {
    const said = each(value, (_key, item) => filled(item))
    return isEmpty(said) ? undefined : said
  }
  if (!Array.isArray(value)) return value
  const items = value.map(filled)
  if (items.every((item, index) => item === value[index])) return value
  const said = items.filter((item) => item !== undefined)
  return isEmpty(said) ? undefined : said
}

/** The object with its members changed or left out; the same one where none is. */
function each(object: JsonObject, change: (key: string, value: Json) => Json | undefined): JsonObject {
  const before = Object.entries(object)
  const after = before.map(([key, value]) => [key, change(key, value)] as const)
  if (after.every(([, value], index) => value === before[index]?.[1])) return object
  return Object.fromEntries(after.filter((entry): entry is [string, Json] => entry[1] !== undefined))
}
