import { BuildConnectorInput } from './connector-inputs.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const buildConnector = defineAgentTool({
  agent: 'connector_agent',
  name: 'build_connector',
  title: 'Build a connector',
  description:
    'Builds a connector from an API description or, with a model, from documentation in prose; tests its actions with a test account, mends those that fail, and reports with evidence. With a description it works without a model.',
  input: BuildConnectorInput,
  http: 'POST /agents/connector-agent/runs',
})
