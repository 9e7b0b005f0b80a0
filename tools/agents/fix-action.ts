import { FixActionInput } from './connector-inputs.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const fixAction = defineAgentTool({
  agent: 'action_fixer',
  name: 'fix_action',
  title: 'Fix actions',
  description:
    'Tests actions and mends those that fail: compares them with the API’s description, with a model also with its documentation; keeps a patch only when a new test proves it better and nothing else worse. At most three rounds for each.',
  input: FixActionInput,
  http: 'POST /agents/action-fixer/runs',
})
