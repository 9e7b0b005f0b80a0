import { sample } from 'openapi-sampler'
import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'

export interface SampleInputs {
  /** Only what is required. */
  least: Record<string, unknown>
  /** Every field at the top, with what those require. */
  most: Record<string, unknown>
}

const OPTIONS = { quiet: true, skipNonRequired: true, maxSampleDepth: 8 } as const

/** Inputs as the action's own schema has them: what a caller who reads it would send. */
export function sampleInputs(definition: ConnectorDefinition, action: ActionDefinition): SampleInputs {
  const { properties = {}, required } = action.inputSchema as {
    properties?: Record<string, object>
    required?: string[]
  }
  const needed = new Set(required ?? [])
  const document = { schemas: definition.schemas }
  const values = Object.entries(properties).map(
    ([key, schema]) => [key, typeof schema === 'object' ? sample(schema, OPTIONS, document) : 'x'] as const,
  )
  return {
    least: Object.fromEntries(values.filter(([key]) => needed.has(key))),
    most: Object.fromEntries(values),
  }
}
