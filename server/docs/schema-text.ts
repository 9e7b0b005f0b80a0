import { itemSchema } from '../http/coerce.ts'
import { type Schema, typesOf } from '../http/tool-schema.ts'

const MAX_CHOICES = 8

export interface FieldRow {
  name: string
  type: string
  required: boolean
  description: string
  /** As JSON. */
  default: string | undefined
}

/** The fields of an object schema, one row each. */
export function fieldRows(schema: Schema): FieldRow[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    type: typeText(field),
    required: schema.required?.includes(name) === true,
    description: field.description ?? '',
    default:
      field.default === undefined || field.default === null ? undefined : JSON.stringify(field.default),
  }))
}

/** A type in a few words: `integer`, `"a" | "b"`, `string[] | null`, `object`. */
export function typeText(schema: Schema): string {
  if (schema.enum !== undefined) {
    const shown = schema.enum.slice(0, MAX_CHOICES).map((value) => JSON.stringify(value))
    return [...shown, ...(schema.enum.length > MAX_CHOICES ? ['…'] : [])].join(' | ')
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  const options = schema.anyOf ?? (schema.oneOf as Schema[] | undefined)
  if (options !== undefined) return [...new Set(options.map(typeText))].join(' | ')
  const types = typesOf(schema)
  if (types === undefined) return schema.$ref === undefined ? 'any' : 'object'
  return [...types]
    .map((type) => (type === 'array' ? `${grouped(typeText(itemSchema(schema)))}[]` : type))
    .join(' | ')
}

const grouped = (type: string): string => (type.includes(' | ') ? `(${type})` : type)

/** An input that shows the shape: the required fields, with values their descriptions suggest. */
export function exampleOf(schema: Schema, name: string): unknown {
  const [example] = (schema.examples as unknown[] | undefined) ?? []
  if (example !== undefined) return example
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  const [option] = schema.anyOf ?? (schema.oneOf as Schema[] | undefined) ?? []
  if (option !== undefined) return exampleOf({ description: schema.description ?? '', ...option }, name)
  const types = typesOf(schema)
  if (types?.has('string')) return suggested(schema.description) ?? `<${name}>`
  if (types?.has('integer') || types?.has('number')) return schema.minimum ?? 1
  if (types?.has('boolean')) return true
  if (types?.has('array')) return [exampleOf(itemSchema(schema), name)]
  const required = schema.required ?? []
  return Object.fromEntries(
    required.map((field) => [field, exampleOf(schema.properties?.[field] ?? {}, field)]),
  )
}

/** `Acme Inc.` out of `Display name, e.g. "Acme Inc."`, and `run_workflow` out of `A tool, e.g. run_workflow.` */
const suggested = (description: string | undefined): string | undefined =>
  /e\.g\. (?:"([^"]+)"|`([^`]+)`|([^\s,;()]*[^\s,;().]))/
    .exec(description ?? '')
    ?.slice(1)
    .find(Boolean)
