/** What clients read as resources: each is a read tool with its input taken from the URI, so the same checks hold. */
export interface ResourceDefinition {
  /** A URI, or an RFC 6570 template with `{name}` variables. */
  uri: string
  name: string
  title: string
  description: string
  tool: string
  input(variables: Record<string, string>): Record<string, unknown>
  /** For templates: the list tool, list field and property that complete each variable. */
  completions?: Record<string, { tool: string; list: string; property: string; query: boolean }>
}

const connectorSlugs = { tool: 'list_connectors', list: 'connectors', property: 'slug', query: true }
const workflowSlugs = { tool: 'list_workflows', list: 'workflows', property: 'slug', query: true }
const executionIds = { tool: 'list_executions', list: 'executions', property: 'id', query: false }
const customerSlugs = { tool: 'list_customers', list: 'customers', property: 'slug', query: true }

export const resources: readonly ResourceDefinition[] = [
  {
    uri: 'patchbay://connectors',
    name: 'connectors',
    title: 'Connectors',
    description: 'The connectors of this organization.',
    tool: 'list_connectors',
    input: () => ({}),
  },
  {
    uri: 'patchbay://workflows',
    name: 'workflows',
    title: 'Workflows',
    description: 'The workflows of this organization and where they are deployed.',
    tool: 'list_workflows',
    input: () => ({}),
  },
  {
    uri: 'patchbay://executions',
    name: 'executions',
    title: 'Latest executions',
    description: 'The latest executions, newest first.',
    tool: 'list_executions',
    input: () => ({}),
  },
  {
    uri: 'patchbay://events',
    name: 'events',
    title: 'Latest events',
    description: 'The latest events, newest first.',
    tool: 'list_events',
    input: () => ({}),
  },
  {
    uri: 'patchbay://connectors/{connector}',
    name: 'connector',
    title: 'A connector',
    description: 'One connector: its auth methods and how many actions it has.',
    tool: 'get_connector',
    input: ({ connector }) => ({ connector }),
    completions: { connector: connectorSlugs },
  },
  {
    uri: 'patchbay://connectors/{connector}/actions',
    name: 'actions',
    title: 'Actions of a connector',
    description: 'What one connector can do.',
    tool: 'list_actions',
    input: ({ connector }) => ({ connector, limit: 200 }),
    completions: { connector: connectorSlugs },
  },
  {
    uri: 'patchbay://customers/{customer}',
    name: 'customer',
    title: 'A customer',
    description: 'One customer.',
    tool: 'get_customer',
    input: ({ customer }) => ({ customer }),
    completions: { customer: customerSlugs },
  },
  {
    uri: 'patchbay://workflows/{workflow}',
    name: 'workflow',
    title: 'A workflow',
    description: 'One workflow with its code and deployments.',
    tool: 'get_workflow',
    input: ({ workflow }) => ({ workflow }),
    completions: { workflow: workflowSlugs },
  },
  {
    uri: 'patchbay://executions/{execution}',
    name: 'execution',
    title: 'An execution',
    description: 'One execution with its input, output or error, logs and traces.',
    tool: 'get_execution',
    input: ({ execution }) => ({ execution }),
    completions: { execution: executionIds },
  },
]

export const isTemplate = (definition: ResourceDefinition): boolean => definition.uri.includes('{')
