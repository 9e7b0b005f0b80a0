/** Prompts a person picks in a client; each tells the model which tools to use, in which order. */
export interface PromptDefinition {
  name: string
  title: string
  description: string
  arguments: readonly {
    name: string
    description: string
    required: boolean
    completions?: { tool: string; list: string; property: string; query: boolean }
  }[]
  text(given: Record<string, string>): string
}

export const prompts: readonly PromptDefinition[] = [
  {
    name: 'build_connector',
    title: 'Build a connector',
    description: 'Make a connector for an app from its API description, and try it.',
    arguments: [
      { name: 'app', description: 'The app, e.g. "GitHub".', required: true },
      {
        name: 'spec_url',
        description: 'Address of its OpenAPI description, if you know it.',
        required: false,
      },
    ],
    text: ({ app, spec_url }) => `Build a connector for ${app} in Patchbay.

1. list_connectors with query "${app}": if it is there already, say so and stop.
2. ${spec_url ? `import_spec with url "${spec_url}".` : `Find its OpenAPI 3 description (ask me if you cannot) and pass its text or address to import_spec.`} Import only the operations that matter when there are hundreds (include.tags, include.operations).
3. Read the import report: tell me what was skipped or approximated, and why.
4. get_connector: tell me which credentials its auth methods need, then make a connection with create_connection once I have given them.
5. Choose one harmless read action with list_actions, look at its schema with get_action, and run_action it. Show the result.
If a call fails, the error's "Next" line says what to do.`,
  },
  {
    name: 'build_workflow',
    title: 'Build a workflow',
    description: 'Write, test and deploy a workflow from a description.',
    arguments: [
      { name: 'goal', description: 'What should happen, when, and for whom.', required: true },
      {
        name: 'environment',
        description: 'Where to deploy it: dev (default), staging or production.',
        required: false,
      },
    ],
    text: ({ goal, environment }) => `Build a Patchbay workflow. What it must do: ${goal}

1. Before anything else ask me what is unclear, at most four questions in one message.
2. list_connectors, list_actions (with a query) and get_action for each step: use the actions' own parameter names.
3. Write one JavaScript function: \`export default async (ctx) => { … return result }\`. Call apps with \`await ctx.connectors.<slug>.<action>({...})\`; keep what must survive between runs in \`ctx.state\`; take keys from \`ctx.secrets.get('NAME')\`; log with \`ctx.log.info(...)\`. There are no imports. Return what was done, e.g. {created, updated, skipped, errors}.
4. validate_workflow, then create_workflow, publish_workflow and deploy_workflow to "${environment ?? 'dev'}".
5. run_workflow with a realistic input, then get_execution: check the output, the traces and the logs, not only the status. Mend and repeat until it does what I asked.
6. If it starts on an event, create_webhook with a route and filter, and give me the address and secret.`,
  },
  {
    name: 'investigate_failure',
    title: 'Investigate a failure',
    description: 'Find out why an execution failed and what to do about it.',
    arguments: [
      {
        name: 'execution',
        description: 'Id of the execution (exec_…).',
        required: true,
        completions: { tool: 'list_executions', list: 'executions', property: 'id', query: false },
      },
    ],
    text: ({ execution }) => `The Patchbay execution ${execution} went wrong. Find out why.

1. get_execution "${execution}": its error, attempts, logs and traces. For a failed connector call read its trace (get_trace): the request sent and the answer received.
2. get_workflow for the code the failing line stands in, get_action for what the action expects.
3. Tell me in three parts: what happened; why, quoting the evidence; how to fix it (code, credentials, the action's definition, or the other side).
4. If the fix is in the workflow: propose the changed code, and after I agree update_workflow, publish_workflow, deploy_workflow, then replay_execution with version "newest" and check that it completes.`,
  },
]
