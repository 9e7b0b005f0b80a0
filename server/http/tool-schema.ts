import type { AnyTool } from '../../tools/define-tool.ts'
import { toolSchema as schemaOf } from '../../tools/tool-schema.ts'

export interface Schema {
  [keyword: string]: unknown
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  default?: unknown
  description?: string
}

/** The JSON Schema (2020-12) of a tool's input as callers write it, or of its output as they read it. */
export const toolSchema = (tool: Pick<AnyTool, 'input' | 'output'>, io: 'input' | 'output'): Schema =>
  schemaOf(tool, io) as Schema

/** The JSON types a value may have, with `undefined` for a schema that allows any. References count as any. */
export function typesOf(schema: Schema): Set<string> | undefined {
  if (schema.const !== undefined) return new Set([typeNameOf(schema.const)])
  if (schema.enum !== undefined) return new Set(schema.enum.map(typeNameOf))
  if (schema.type !== undefined) return new Set([schema.type].flat())
  const options = schema.anyOf ?? (schema.oneOf as Schema[] | undefined)
  if (options === undefined) return undefined
  const types = options.map(typesOf)
  return types.some((set) => set === undefined)
    ? undefined
    : new Set(types.flatMap((set) => [...(set ?? [])]))
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}
