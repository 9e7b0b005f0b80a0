import { definitionOf } from '../action-fixer/candidate.ts'
import type { ToolCall } from '../tool-call.ts'

export interface ConnectorEvents {
  events: { slug: string; name: string; hasPayload: boolean }[]
  /** What it means for triggers. */
  note: string
}

/** The events a connector's app can report, as its description has them (callbacks and webhooks). */
export async function listEvents(call: ToolCall, connector: string): Promise<ConnectorEvents> {
  const { events } = await definitionOf(call, connector)
  return {
    events: events.map(({ slug, name, payloadSchema }) => ({
      slug,
      name,
      hasPayload: payloadSchema !== undefined,
    })),
    note:
      events.length === 0
        ? 'The description has no events: changes in the app are noticed by a scheduler that polls.'
        : 'Bind them to workflows with create_webhook.',
  }
}
