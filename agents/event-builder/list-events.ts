import { definitionOf } from '../action-fixer/candidate.ts'
import type { ToolCall } from '../tool-call.ts'

export interface ConnectorEvents {
  events: {
    slug: string
    name: string
    hasPayload: boolean
    /** Can Patchbay subscribe by itself? */
    subscribes: boolean
    /** Is it known how the app signs it? */
    signed: boolean
  }[]
  /** What it means for triggers. */
  note: string
}

/** The events a connector's app can report, as its description has them (callbacks and webhooks). */
export async function listEvents(call: ToolCall, connector: string): Promise<ConnectorEvents> {
  const { events } = await definitionOf(call, connector)
  return {
    events: events.map(({ slug, name, payloadSchema, subscription, webhookVerification }) => ({
      slug,
      name,
      hasPayload: payloadSchema !== undefined,
      subscribes: subscription !== undefined,
      signed: webhookVerification !== undefined,
    })),
    note:
      events.length === 0
        ? 'The description has no events: changes in the app are noticed by a scheduler that polls.'
        : 'create_app_event subscribes to those that subscribe and are signed as defined (define_event); register the URL of create_webhook at the app for the others.',
  }
}
