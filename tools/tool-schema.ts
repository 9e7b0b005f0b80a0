import { z } from 'zod'
import type { AnyTool } from './define-tool.ts'

export interface Schema {
  [keyword: string]: unknown
  anyOf?: Schema[]
}

const known = new WeakMap<z.ZodType, Partial<Record<'input' | 'output', Schema>>>()

/**
 * The JSON Schema (2020-12) of a tool's input as callers write it, or of its output as they read it: made when it is
 * first asked for (all of them together take a second of a server's start), then shared, so not to be changed.
 */
export function toolSchema(tool: Pick<AnyTool, 'input' | 'output'>, io: 'input' | 'output'): Schema {
  const views = known.get(tool[io]) ?? {}
  known.set(tool[io], views)
  views[io] ??= buildSchema(tool[io], io)
  return views[io]
}

function buildSchema(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => tidy(jsonSchema as Schema),
  })
  return schema as Schema
}

/** What zod gives as a `format` and no reader knows for one: the regular expression beside it says it. */
const NO_FORMATS: readonly unknown[] = ['starts_with', 'ends_with', 'includes', 'lowercase', 'uppercase']

/**
 * Drops what zod adds and readers do not need: the regular expression beside a `format`, key types that are
 * always strings, and union members that say nothing (the `Date` a handler may give where callers see text).
 */
function tidy(schema: Schema): void {
  if (NO_FORMATS.includes(schema.format)) delete schema.format
  if (schema.format !== undefined) delete schema.pattern
  if ((schema.propertyNames as Schema | undefined)?.type === 'string') delete schema.propertyNames
  if (schema.anyOf === undefined) return
  const telling = schema.anyOf.filter((option) => Object.keys(option).length > 0)
  const [only, ...others] = telling
  if (telling.length === schema.anyOf.length || only === undefined) return
  if (others.length > 0) schema.anyOf = telling
  else {
    delete schema.anyOf
    Object.assign(schema, { ...only, ...schema })
  }
}
