import { TestConnectorInput } from './connector-inputs.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const testConnector = defineAgentTool({
  agent: 'action_tester',
  name: 'test_connector',
  title: 'Test a connector',
  description:
    'Tests a connector’s actions with a test account, independent ones at the same time, and reports a verdict with evidence per action; with a model, failures are explained.',
  input: TestConnectorInput,
  http: 'POST /agents/action-tester/runs',
})
