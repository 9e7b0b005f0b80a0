import { RepairConnectorInput } from './connector-inputs.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const repairConnector = defineAgentTool({
  agent: 'connector_repairer',
  name: 'repair_connector',
  title: 'Repair a connector after its API changed',
  description:
    'Reads the API’s description again, tells which actions changed and which workflows and customers that hits, takes the changes over once approved, tests, and mends what fails.',
  input: RepairConnectorInput,
  http: 'POST /agents/connector-repairer/runs',
})
