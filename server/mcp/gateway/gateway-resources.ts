import type { ResourceDefinition } from '../resources.ts'

/** What a customer's session reads as resources; the session fills in its customer. */
export const gatewayResources: readonly ResourceDefinition[] = [
  {
    uri: 'patchbay://integrations',
    name: 'integrations',
    title: 'Integrations',
    description: 'The connected apps and the state of each account.',
    tool: 'list_integrations',
    input: () => ({}),
  },
  {
    uri: 'patchbay://entities',
    name: 'entities',
    title: 'Entities',
    description: 'The kinds of records that can be looked for in the connected apps.',
    tool: 'list_entities',
    input: () => ({}),
  },
  {
    uri: 'patchbay://events',
    name: 'events',
    title: 'Latest events',
    description: 'What happened, newest first.',
    tool: 'get_event_history',
    input: () => ({}),
  },
  {
    uri: 'patchbay://usage',
    name: 'usage',
    title: 'Usage',
    description: 'Events, runs and calls of the last 30 days.',
    tool: 'get_usage_summary',
    input: () => ({}),
  },
]
