import type { JsonObject } from '../../core/json.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'

/** The workflow's input schema, from the plan's fields: draft 2020-12, a description on every field that was planned. */
export function inputSchemaOf({ input }: Pick<IntegrationPlan, 'input'>): JsonObject {
  const root: JsonObject = { type: 'object', properties: {}, required: [] }
  for (const { path, type, required, description, example } of input) {
    const segments = path.replaceAll('[]', '.[]').split('.').filter(Boolean)
    let at = root
    for (const [n, segment] of segments.entries()) {
      const last = n === segments.length - 1
      const next = segment === '[]' ? itemsOf(at) : memberOf(at, segment)
      // A field that must be there needs what holds it.
      if (required && segment !== '[]') requireMember(at, segment)
      if (last) Object.assign(next, { type: next.type ?? type, description, examples: [example] })
      at = next
    }
  }
  return root
}

function memberOf(at: JsonObject, name: string): JsonObject {
  at.type = 'object'
  at.properties ??= {}
  const properties = at.properties as JsonObject
  properties[name] ??= {}
  return properties[name] as JsonObject
}

function itemsOf(at: JsonObject): JsonObject {
  at.type = 'array'
  at.items ??= {}
  return at.items as JsonObject
}

function requireMember(at: JsonObject, name: string): void {
  const required = (at.required ?? []) as string[]
  if (!required.includes(name)) at.required = [...required, name]
}
