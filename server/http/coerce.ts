import { type Schema, typesOf } from './tool-schema.ts'

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/**
 * The value a text stands for where only text can be written: a path segment, a query parameter, a command
 * line flag. The field's JSON Schema decides. A field that takes text gets the text as it is, so `"5"` stays
 * text for a name; where it takes none, numbers, booleans and JSON are read. What cannot be read stays text,
 * for the tool's schema to refuse with its own message.
 */
export function fromText(text: string, schema: Schema): unknown {
  const types = typesOf(schema)
  if (types === undefined) return jsonOr(text)
  if (types.has('string')) return text
  if ((types.has('number') || types.has('integer')) && NUMBER.test(text)) return Number(text)
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (types.has('null') && (text === 'null' || text === '')) return null
  if (types.has('array') && !text.trimStart().startsWith('[')) return [fromText(text, itemSchema(schema))]
  if (types.has('object') || types.has('array')) return jsonOr(text)
  return text
}

/** The value of a parameter that may be given several times: `?status=failed&status=timeout` is a list. */
export function fromTexts(texts: readonly string[], schema: Schema): unknown {
  const [first] = texts
  if (texts.length === 1 && first !== undefined) return fromText(first, schema)
  const items = itemSchema(schema)
  return texts.map((text) => fromText(text, items))
}

/** Of an array schema or of the array among its alternatives. */
export function itemSchema(schema: Schema): Schema {
  if (schema.items !== undefined) return schema.items
  return schema.anyOf?.find((option) => option.items !== undefined)?.items ?? { type: 'string' }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // not JSON: the tool's schema says so better than we could
  }
}
